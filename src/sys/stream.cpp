#include "sys/stream.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace crank::sys {

Result<UniqueFd> open_file(const std::string& path) { return open(path, O_RDONLY | O_NOCTTY); }

Result<UniqueFd> open_file_at(int dirfd, const std::string& name) {
    // O_NONBLOCK: a FIFO that took the file's place must not hold us up; no effect on files.
    return open_at(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

Result<UniqueFd> create_file_at(int dirfd, const std::string& name, mode_t mode) {
    return open_at(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

Result<UniqueFd> open_dir_in_root(int rootfd, const std::string& path) {
    return open_in_root(rootfd, path, O_RDONLY | O_DIRECTORY);
}

Result<UniqueFd> open_file_in_root(int rootfd, const std::string& path) {
    return open_in_root(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

Result<std::size_t> read_some(int fd, std::span<std::uint8_t> out, const std::string& name) {
    ssize_t n;
    do n = ::read(fd, out.data(), out.size());
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail_errno("read " + name);
    return static_cast<std::size_t>(n);
}

Result<std::size_t> read_some_at(int fd, std::int64_t offset, std::span<std::uint8_t> out,
                                 const std::string& name) {
    ssize_t n;
    do n = ::pread(fd, out.data(), out.size(), offset);
    while (n < 0 && errno == EINTR);
    if (n < 0) return fail_errno("read " + name);
    return static_cast<std::size_t>(n);
}

Result<std::int64_t> copy_bytes(int from, int to, std::int64_t most, std::span<std::uint8_t> buffer,
                                const std::string& name) {
    std::int64_t copied = 0;
    while (copied < most) {
        auto room = std::min(buffer.size(), static_cast<std::size_t>(most - copied));
        std::size_t n = TRY(read_some(from, buffer.first(room), name));
        if (n == 0) break;
        TRY(write_all(to, {reinterpret_cast<const char*>(buffer.data()), n}, name));
        copied += static_cast<std::int64_t>(n);
    }
    return copied;
}

Result<std::optional<SeekableRange>> seekable_range(int fd) {
    struct stat s{};
    if (::fstat(fd, &s) != 0) return fail_errno("stat a descriptor");
    if (!S_ISREG(s.st_mode)) return std::optional<SeekableRange>();
    off_t position = ::lseek(fd, 0, SEEK_CUR);
    if (position < 0) return fail_errno("find the position of a descriptor");
    return std::optional(SeekableRange{position, s.st_size});
}

Result<> sync_file_system(int fd, const std::string& name) {
    if (::syncfs(fd) != 0) return fail_errno("sync the file system of " + name);
    return {};
}

Result<> allocate(int fd, std::int64_t size, const std::string& name) {
    if (int number = ::posix_fallocate(fd, 0, size); number != 0)
        return fail(Error::from_errno(number, "allocate " + name));
    return {};
}

namespace {

int set_byte_lock(int fd, int command, std::int64_t offset, short type) {
    struct flock request{};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    request.l_start = offset;
    request.l_len = 1;
    int result;
    do result = ::fcntl(fd, command, &request);
    while (result != 0 && errno == EINTR);
    return result;
}

short type_of(LockMode mode) { return mode == LockMode::shared ? F_RDLCK : F_WRLCK; }

}  // namespace

Result<bool> try_lock_byte(int fd, std::int64_t offset, LockMode mode) {
    if (set_byte_lock(fd, F_OFD_SETLK, offset, type_of(mode)) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    return fail_errno("lock byte " + std::to_string(offset));
}

Result<> lock_byte(int fd, std::int64_t offset, LockMode mode) {
    if (set_byte_lock(fd, F_OFD_SETLKW, offset, type_of(mode)) == 0) return {};
    return fail_errno("lock byte " + std::to_string(offset));
}

Result<> unlock_byte(int fd, std::int64_t offset) {
    if (set_byte_lock(fd, F_OFD_SETLK, offset, F_UNLCK) == 0) return {};
    return fail_errno("unlock byte " + std::to_string(offset));
}

Result<UniqueFd> open_lock_file(const std::string& path) {
    return open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

Result<std::string> make_temp_dir(const std::string& prefix) {
    std::string path = prefix + "XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) return fail_errno("create a directory " + path);
    return path;
}

namespace {

int flag_of(LockMode mode) { return mode == LockMode::shared ? LOCK_SH : LOCK_EX; }

}  // namespace

Result<bool> try_lock(int fd, LockMode mode) {
    if (::flock(fd, flag_of(mode) | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return fail_errno("lock a descriptor");
}

Result<> lock(int fd, LockMode mode) {
    int result;
    do result = ::flock(fd, flag_of(mode));
    while (result != 0 && errno == EINTR);
    if (result != 0) return fail_errno("lock a descriptor");
    return {};
}

}  // namespace crank::sys
