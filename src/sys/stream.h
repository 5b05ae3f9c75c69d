// Bytes through descriptors, in pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/error.h"
#include "sys/file.h"

namespace crank::sys {

Result<UniqueFd> open_file(const std::string& path);  // to read; follows links

// Opens one entry of a directory; never through a symbolic link in `name`.
Result<UniqueFd> open_file_at(int dirfd, const std::string& name);  // to read
// Creates a new regular file (already_exists otherwise) to write; the umask applies.
Result<UniqueFd> create_file_at(int dirfd, const std::string& name, mode_t mode);
// As open_in_root (file.h): a directory below `rootfd`, or a file to read.
Result<UniqueFd> open_dir_in_root(int rootfd, const std::string& path);
Result<UniqueFd> open_file_in_root(int rootfd, const std::string& path);

// At most out.size() bytes; 0 is the end.
Result<std::size_t> read_some(int fd, std::span<std::uint8_t> out, const std::string& name);
// As read_some at an offset; the descriptor's position stays (pread).
Result<std::size_t> read_some_at(int fd, std::int64_t offset, std::span<std::uint8_t> out,
                                 const std::string& name);
// What `from` has, and no more than `most` bytes of it: whoever writes to it meanwhile must not
// keep the copy going. Returns how many; `buffer` is what they go through.
Result<std::int64_t> copy_bytes(int from, int to, std::int64_t most, std::span<std::uint8_t> buffer,
                                const std::string& name);
// The size of a regular file and where its position stands; nothing for a pipe or a socket.
struct SeekableRange {
    std::int64_t position = 0, size = 0;
};
Result<std::optional<SeekableRange>> seekable_range(int fd);

// Everything written to the file system that holds `fd` reaches the disk (syncfs, Linux 2.6.39).
Result<> sync_file_system(int fd, const std::string& name);

// Gives the first `size` bytes of a file their place on the disk (fallocate); exhausted: there is
// none.
Result<> allocate(int fd, std::int64_t size, const std::string& name);

// Locks one byte of an open file without waiting (open file description locks, Linux 3.15): the
// lock belongs to the descriptor and its copies, also across fork and exec, and ends with the
// last. false: someone else's lock is in the way. Exclusive needs a descriptor open for writing.
// A lock that the same descriptor already holds on the byte is converted, or kept if that fails.
Result<bool> try_lock_byte(int fd, std::int64_t offset, LockMode mode);
Result<> lock_byte(int fd, std::int64_t offset, LockMode mode);  // waits
Result<> unlock_byte(int fd, std::int64_t offset);
// An open file to lock bytes of; created when missing.
Result<UniqueFd> open_lock_file(const std::string& path);

// A new directory of mode 0700 named `prefix` and six random characters (mkdtemp); its path.
Result<std::string> make_temp_dir(const std::string& prefix);
// flock(2) on any descriptor, a directory's too. false: held by another.
Result<bool> try_lock(int fd, LockMode mode);
Result<> lock(int fd, LockMode mode);

}  // namespace crank::sys
