// The root of a process in another mount namespace.
#pragma once

#include <sys/types.h>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// A detached copy (O_PATH) of the file system at "/" in the process's mount namespace, without what
// is mounted below: what those mounts cover is seen. Nothing of that namespace is executed or
// loaded: a thread enters it, asks the kernel for the copy, and ends. Needs CAP_SYS_ADMIN in the
// namespace's user namespace. not_found: the process is gone.
Result<UniqueFd> clone_root_of(pid_t pid);

}  // namespace crank::sys
