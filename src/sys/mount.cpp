#include "sys/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

namespace crank::sys {
namespace {

constexpr unsigned kRecursive = 0x8000;                     // AT_RECURSIVE
constexpr std::uint64_t kPrivate = std::uint64_t{1} << 18;  // MS_PRIVATE
constexpr std::uint64_t kSlave = std::uint64_t{1} << 19;    // MS_SLAVE

}  // namespace

Result<UniqueFd> clone_mount(const std::string& path, bool recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? kRecursive : 0);
    long fd = ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), flags);
    if (fd < 0) return fail_errno("open the mount at " + path);
    return UniqueFd(static_cast<int>(fd));
}

Result<> change_mount(int mount_fd, const MountChange& change, const std::string& name) {
    mount_attr attr{};
    attr.attr_set = change.set;
    attr.attr_clr = change.clear;
    // mount_setattr(2): the kind of access times can only be set where the old one is cleared.
    constexpr std::uint64_t kAtimeKinds = 0x70;
    if ((change.set & kAtimeKinds) != 0) attr.attr_clr |= kAtimeKinds;
    attr.propagation = change.peers == Peers::dropped   ? kPrivate
                       : change.peers == Peers::masters ? kSlave
                                                        : 0;
    unsigned flags = AT_EMPTY_PATH | (change.recursive ? kRecursive : 0);
    if (::syscall(SYS_mount_setattr, mount_fd, "", flags, &attr, sizeof attr) != 0)
        return fail_errno("set the attributes of the mount of " + name);
    return {};
}

Result<> attach_mount(int mount_fd, const std::string& path) {
    if (::syscall(SYS_move_mount, mount_fd, "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) !=
        0)
        return fail_errno("attach a mount to " + path);
    return {};
}

Result<> map_mount_ids(int mount_fd, int user_namespace_fd, bool recursive,
                       const std::string& name) {
    mount_attr attr{};
    attr.attr_set = MOUNT_ATTR_IDMAP;
    attr.userns_fd = static_cast<std::uint64_t>(user_namespace_fd);
    unsigned flags = AT_EMPTY_PATH | (recursive ? kRecursive : 0);
    if (::syscall(SYS_mount_setattr, mount_fd, "", flags, &attr, sizeof attr) == 0) return {};
    if (errno == EINVAL)
        return fail(
            Error(Code::unsupported, "the ids of the mount of " + name +
                                         " cannot be mapped: its file system does not "
                                         "know id-mapped mounts, or they are mapped already")
                .with_hint("ext4, xfs, btrfs and, since Linux 6.3, tmpfs do; or leave out "
                           "the mapping of this mount (of a volume: -v HOST:PATH:noidmap)"));
    return fail_errno("map the ids of the mount of " + name);
}

Result<UniqueFd> mount_new_device(const std::string& path, const DeviceNode& node) {
    if (::mknod(path.c_str(), node.mode, makedev(node.major, node.minor)) != 0)
        return fail_errno("make the device " + path);
    auto done = [&]() -> Result<UniqueFd> {
        // Apart from mknod, whose mode the umask cuts.
        if (::chmod(path.c_str(), node.mode & 07777) != 0 ||
            ::lchown(path.c_str(), node.uid, node.gid) != 0)
            return fail_errno("give the device " + path + " to its owner");
        UniqueFd mount = TRY(clone_mount(path, false));
        // Where state lies devices are often not meant to work.
        TRY(change_mount(mount.get(), {kMountNosuid | kMountNoexec, kMountNodev | kMountRdonly},
                         path));
        return mount;
    }();
    if (!done) ::unlink(path.c_str());
    return done;
}

}  // namespace crank::sys
