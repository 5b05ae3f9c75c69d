// What a file is and carries, named by the descriptor of its directory and one path component.
// Nothing here follows a symbolic link in that component; an empty name means the descriptor
// itself. Errors name `name`; callers add the path.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::sys {

struct Attributes {
    mode_t mode = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::uint64_t inode = 0, device = 0;
    std::uint64_t links = 0;
    std::int64_t size = 0;
    std::int64_t blocks = 0;             // of 512 bytes, on the disk
    std::int64_t mtime = 0;              // seconds since 1970
    std::uint32_t mtime_ns = 0;          // 0 to 999999999
    std::uint32_t major = 0, minor = 0;  // of a device node
    bool is_dir() const { return S_ISDIR(mode); }
    bool is_regular() const { return S_ISREG(mode); }
    bool is_symlink() const { return S_ISLNK(mode); }
    bool is_char_device() const { return S_ISCHR(mode); }
    bool is_block_device() const { return S_ISBLK(mode); }
    bool is_fifo() const { return S_ISFIFO(mode); }
    bool is_socket() const { return S_ISSOCK(mode); }
};

Result<Attributes> attributes_at(int dirfd, const std::string& name);
Result<std::vector<std::string>> list_at(int dirfd);  // sorted by bytes, without . and ..
Result<std::string> read_link_at(int dirfd, const std::string& name);

Result<> set_owner_at(int dirfd, const std::string& name, uid_t uid, gid_t gid);
// Permission bits (07777). The name must not be a symbolic link: fchmodat(2) would follow it
// (a flag against that exists since Linux 6.6), so this is for what the caller has just made.
Result<> set_mode_at(int dirfd, const std::string& name, mode_t mode);
// Modification and access time.
Result<> set_mtime_at(int dirfd, const std::string& name, std::int64_t seconds,
                      std::uint32_t nanoseconds);

Result<> make_dir_at(int dirfd, const std::string& name, mode_t mode);
Result<> make_symlink_at(const std::string& target, int dirfd, const std::string& name);
// `mode` holds the kind (S_IFCHR, S_IFBLK, S_IFIFO) and the permission bits; the umask applies.
Result<> make_node_at(int dirfd, const std::string& name, mode_t mode, std::uint32_t major,
                      std::uint32_t minor);
Result<> hard_link_at(int from_dir, const std::string& from, int to_dir, const std::string& to);
// unlink(2), or rmdir(2) for a directory, which must be empty.
Result<> remove_at(int dirfd, const std::string& name);

// Extended attributes. They go through /proc/self/fd, since calls relative to a directory came
// with Linux 6.13. A file system without them has an empty list.
Result<std::vector<std::string>> list_xattrs_at(int dirfd, const std::string& name);  // sorted
Result<std::optional<std::string>> get_xattr_at(int dirfd, const std::string& name,
                                                const std::string& key);
Result<> set_xattr_at(int dirfd, const std::string& name, const std::string& key,
                      std::string_view value);

}  // namespace crank::sys
