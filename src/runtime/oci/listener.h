// A filter that asks (SCMP_ACT_NOTIFY): its listener goes to whoever waits at
// linux.seccomp.listenerPath, with the state of the process (config-linux.md, "Seccomp").
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "sys/unique_fd.h"

namespace crank::runtime::oci_verbs {

// Passes the listener on; the process at the other end of `channel` then goes on.
Result<> pass_listener(int channel, const sys::UniqueFd& listener, const oci::Seccomp& seccomp,
                       const oci::ContainerState& state, pid_t pid);

}  // namespace crank::runtime::oci_verbs
