// The root of a container that shares its mount namespace with the host (decision 32): a copy of
// the root's mounts that is in no mount namespace. What is mounted on the copy is seen by who has
// it as his root and by nobody else, and goes with the last of them; the host's table of mounts
// does not change.
#include <fcntl.h>
#include <sys/mount.h>

#include "shim/kernel.h"
#include "shim/ops.h"

namespace crank::shim {

int copy_root(const PlanView& plan, const Op& op, Root& root) {
    constexpr unsigned kRecursive = 0x8000, kNoFollow = 0x100;  // AT_RECURSIVE, AT_SYMLINK_NOFOLLOW
    constexpr unsigned kClone = kOpenTreeClone | kOpenTreeCloexec;
    root.fd = open_tree(AT_FDCWD, plan.text(op.s1), kClone | kRecursive | kNoFollow);
    if (root.fd < 0) return errno;
    MountAttr apart{};
    apart.propagation = MS_PRIVATE;
    if (mount_setattr(root.fd, AT_EMPTY_PATH | kRecursive, apart) != 0) return errno;
    // Before Linux 6.15 nothing can be mounted on such a copy, and none be made of it: found out
    // here, where the step says so, and not at the first mount.
    int probe = open_tree(root.fd, "", kClone | AT_EMPTY_PATH);
    if (probe < 0) return errno == EINVAL ? EOPNOTSUPP : errno;
    close(probe);
    return 0;
}

int enter_copy(const Root& root) {
    // The descriptor stays open until the program is executed: with it the copy's mounts would end,
    // as those of a file system that is in use, and what is yet to be changed on them could not be.
    if (fchdir(root.fd) != 0) return errno;
    if (chroot(".") != 0) return errno;
    return chdir("/") != 0 ? errno : 0;
}

}  // namespace crank::shim
