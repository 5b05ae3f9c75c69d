// Mounts by descriptor: the kernel's new mount API (Linux 5.2 and 5.12).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

inline constexpr std::uint64_t kMountRdonly = 0x1;  // MOUNT_ATTR_*, linux/mount.h
inline constexpr std::uint64_t kMountNosuid = 0x2;
inline constexpr std::uint64_t kMountNodev = 0x4;
inline constexpr std::uint64_t kMountNoexec = 0x8;

// A detached copy of the mount at `path` (open_tree, OPEN_TREE_CLONE): attached nowhere, gone with
// the descriptor. `recursive` takes what is mounted below along. Propagation is private.
Result<UniqueFd> clone_mount(const std::string& path, bool recursive);
// What becomes of those that share mounts with a detached mount: nothing is shared any more, they
// go on and what is made on their side is seen here, or they stay.
enum class Peers { dropped, masters, kept };
struct MountChange {
    std::uint64_t set = 0, clear = 0;  // MOUNT_ATTR_*
    bool recursive = false;
    Peers peers = Peers::dropped;
};
// Of a detached mount (mount_setattr, Linux 5.12); `name` is for the error.
Result<> change_mount(int mount_fd, const MountChange& change, const std::string& name);

// Onto `path`, in the caller's mount namespace.
Result<> attach_mount(int mount_fd, const std::string& path);

// Files of a detached mount are seen with the ids that the user namespace maps theirs to
// (MOUNT_ATTR_IDMAP, Linux 5.12). unsupported: its file system cannot.
Result<> map_mount_ids(int mount_fd, int user_namespace_fd, bool recursive,
                       const std::string& name);
// A detached mount of a new device, for those who may not make one themselves. It is made at `path`
// and must stay there until it is attached: the kernel attaches nothing that was unlinked.
// permission_denied: the caller may not make one either.
struct DeviceNode {
    mode_t mode = 0;  // with its type
    std::uint32_t major = 0, minor = 0;
    uid_t uid = 0;
    gid_t gid = 0;
};
Result<UniqueFd> mount_new_device(const std::string& path, const DeviceNode& node);

}  // namespace crank::sys
