// Files and directories by descriptor. Everything opens with O_CLOEXEC.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

inline constexpr int kCwd = -100;  // AT_FDCWD

// open(2) with O_CLOEXEC added; the error names the path.
Result<UniqueFd> open(const std::string& path, int flags, mode_t mode = 0);
Result<UniqueFd> open_at(int dirfd, const std::string& path, int flags, mode_t mode = 0);
// A directory as an O_PATH-less, readable descriptor, not following a final symbolic link.
Result<UniqueFd> open_dir(const std::string& path);
Result<UniqueFd> open_dir_at(int dirfd, const std::string& path);

// Opens `path` as a process whose root directory is `rootfd` would (openat2 RESOLVE_IN_ROOT, Linux
// 5.6): whatever symbolic links and ".." it contains, the result lies below the root. Magic links
// are refused. The one way to open something inside a tree that another could have written.
Result<UniqueFd> open_in_root(int rootfd, const std::string& path, int flags, mode_t mode = 0);
// Creates the directory and its missing parents inside the root, by the same rules, and opens it.
Result<UniqueFd> make_dirs_in_root(int rootfd, const std::string& path, mode_t mode);

// Reads to the end, at most `limit` bytes (exhausted beyond that).
Result<std::string> read_all(int fd, std::size_t limit, const std::string& name);
Result<std::string> read_file(const std::string& path, std::size_t limit = std::size_t{16} << 20);
Result<> write_all(int fd, std::string_view content, const std::string& name);
Result<std::string> read_file_at(int dirfd, const std::string& name,
                                 std::size_t limit = std::size_t{16} << 20);
// One write(2) into an existing file: cgroup and proc knobs. The error holds path and value.
Result<> write_knob(const std::string& path, std::string_view value);
Result<> write_knob_at(int dirfd, const std::string& name, std::string_view value);

enum class Sync { no, yes };
// Writes a new file beside `path` and renames it over: readers see the old content or the new.
// Sync::yes also survives a power cut (file and directory are synced).
Result<> write_file_atomic(const std::string& path, std::string_view content, mode_t mode,
                           Sync sync);

Result<> make_dir(const std::string& path, mode_t mode);          // already_exists is an error
Result<> make_dirs(const std::string& path, mode_t mode = 0755);  // mkdir -p
Result<> remove_file(const std::string& path);                    // unlink; missing is not_found
// rm -r without following links or crossing into mounts below; a missing path is no error.
Result<> remove_tree(const std::string& path);
Result<> rename(const std::string& from, const std::string& to);
// rename that fails with already_exists when `to` exists (RENAME_NOREPLACE).
Result<> rename_new(const std::string& from, const std::string& to);
// symlink(2): atomic, exclusive creation; already_exists when the path is taken.
Result<> make_symlink(const std::string& target, const std::string& path);
Result<std::string> read_link(const std::string& path);
Result<std::vector<std::string>> list_dir(const std::string& path);  // sorted, without . and ..

struct FileInfo {
    mode_t mode = 0;
    std::uint64_t inode = 0, device = 0;
    std::uint32_t rdev_major = 0, rdev_minor = 0;  // of a device node
    std::int64_t size = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    std::int64_t mtime_ns = 0;
    bool is_dir() const { return S_ISDIR(mode); }
    bool is_regular() const { return S_ISREG(mode); }
    bool is_symlink() const { return S_ISLNK(mode); }
};
std::uint64_t device_number(std::uint32_t major, std::uint32_t minor);  // makedev(3)
Result<FileInfo> stat(const std::string& path);                         // follows links
Result<FileInfo> lstat(const std::string& path);                        // does not
Result<FileInfo> stat_fd(int fd, const std::string& name);
bool exists(const std::string& path);                    // lstat succeeds
Result<std::string> real_path(const std::string& path);  // realpath(3)
Result<std::string> current_dir();

// flock(2) on a file that is created when missing; the lock ends with the descriptor.
enum class LockMode { shared, exclusive };
Result<UniqueFd> lock_file(const std::string& path, LockMode mode);
// The same on an open file or directory; false: someone else holds it.
Result<bool> try_lock_fd(int fd, LockMode mode, const std::string& name);
// std::nullopt: someone else holds it.
Result<std::optional<UniqueFd>> try_lock_file(const std::string& path, LockMode mode);

struct Pipe {
    UniqueFd read, write;
};
Result<Pipe> make_pipe();  // O_CLOEXEC

}  // namespace crank::sys
