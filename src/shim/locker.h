// A process beside the child of a user namespace, which gives the child's mounts the kernel's
// locks: mounts that are copied from a mount namespace of one user namespace into one of another
// can only be taken off or changed together, and keep read-only, nosuid, nodev and noexec
// (mount_namespaces(7)). That takes a copy in a namespace of the host's, which the child has no
// right to make.
#pragma once

#include "shim/plan_view.h"
#include "shim/start.h"

namespace crank::shim {

// Before the child's clone; nothing where the plan locks nothing. 0 or errno. It ends with the
// child's end of the socket.
int start_locker(const PlanView& plan, Pipes& pipes);
// Once the child has gone on or is gone.
void reap_locker(Pipes& pipes);

}  // namespace crank::shim
