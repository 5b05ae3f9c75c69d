#include "sys/mount_namespace.h"

#include <sched.h>
#include <sys/mount.h>

namespace crank::sys {

Result<> leave_mount_namespace() {
    if (::unshare(CLONE_NEWNS) != 0) return fail_errno("create a mount namespace");
    // Before anything is mounted: it must not reach the host's namespace.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
        return fail_errno("make the mounts private");
    return {};
}

}  // namespace crank::sys
