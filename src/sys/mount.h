// Mounts by descriptor: the kernel's new mount API (Linux 5.2 and 5.12).
#pragma once

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
// Sets attributes on a detached mount (mount_setattr), and makes it private unless it is to keep
// its peers.
enum class Peers { dropped, kept };
Result<> set_mount_attributes(int mount_fd, std::uint64_t set, bool recursive,
                              const std::string& name, Peers peers = Peers::dropped);

}  // namespace crank::sys
