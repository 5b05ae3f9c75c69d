// What a process in another mount namespace has mounted.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// A detached copy (O_PATH) of the file system at "/" in the process's mount namespace, without what
// is mounted below: what those mounts cover is seen. Nothing of that namespace is executed or
// loaded: a thread enters it, asks the kernel for the copy, and ends. Needs CAP_SYS_ADMIN in the
// namespace's user namespace. not_found: the process is gone.
Result<UniqueFd> clone_root_of(pid_t pid);
// The same of what is mounted at a path there; links on the way lead to nothing outside of it.
Result<UniqueFd> clone_mount_of(pid_t pid, const std::string& path);

}  // namespace crank::sys
