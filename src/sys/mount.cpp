#include "sys/mount.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace crank::sys {
namespace {

constexpr unsigned kRecursive = 0x8000;                     // AT_RECURSIVE
constexpr std::uint64_t kPrivate = std::uint64_t{1} << 18;  // MS_PRIVATE

}  // namespace

Result<UniqueFd> clone_mount(const std::string& path, bool recursive) {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? kRecursive : 0);
    long fd = ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), flags);
    if (fd < 0) return fail_errno("open the mount at " + path);
    return UniqueFd(static_cast<int>(fd));
}

Result<> set_mount_attributes(int mount_fd, std::uint64_t set, bool recursive,
                              const std::string& name, Peers peers) {
    mount_attr attr{};
    attr.attr_set = set;
    // mount_setattr(2): the kind of access times can only be set where the old one is cleared.
    constexpr std::uint64_t kAtimeKinds = 0x70;
    if ((set & kAtimeKinds) != 0) attr.attr_clr = kAtimeKinds;
    attr.propagation = peers == Peers::dropped ? kPrivate : 0;
    unsigned flags = AT_EMPTY_PATH | (recursive ? kRecursive : 0);
    if (::syscall(SYS_mount_setattr, mount_fd, "", flags, &attr, sizeof attr) != 0)
        return fail_errno("set the attributes of the mount of " + name);
    return {};
}

}  // namespace crank::sys
