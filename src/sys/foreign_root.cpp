#include "sys/foreign_root.h"

#include <fcntl.h>
#include <sched.h>

#include <string>

#include "sys/file.h"
#include "sys/mount.h"
#include "sys/own_thread.h"

namespace crank::sys {
namespace {

Result<UniqueFd> clone_in(int mount_namespace, const std::string& path) {
    // setns(2) wants a root and working directory that no other thread shares.
    if (::unshare(CLONE_FS) != 0) return fail_errno("leave the process's working directory");
    if (::setns(mount_namespace, CLONE_NEWNS) != 0)
        return fail_errno("enter the container's mount namespace");
    return clone_mount(path, false);
}

}  // namespace

Result<UniqueFd> clone_root_of(pid_t pid) { return clone_mount_of(pid, "/"); }

Result<UniqueFd> clone_mount_of(pid_t pid, const std::string& path) {
    UniqueFd mounts = TRY(open("/proc/" + std::to_string(pid) + "/ns/mnt", O_RDONLY));
    return on_own_thread([&] { return clone_in(mounts.get(), path); });
}

}  // namespace crank::sys
