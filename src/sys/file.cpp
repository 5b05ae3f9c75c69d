#include "sys/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

namespace crank::sys {

Result<UniqueFd> open_at(int dirfd, const std::string& path, int flags, mode_t mode) {
    int fd;
    do fd = ::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0) return fail_errno("open " + path);
    return UniqueFd(fd);
}

Result<UniqueFd> open(const std::string& path, int flags, mode_t mode) {
    return open_at(AT_FDCWD, path, flags, mode);
}

Result<UniqueFd> open_dir_at(int dirfd, const std::string& path) {
    return open_at(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Result<UniqueFd> open_dir(const std::string& path) { return open_dir_at(AT_FDCWD, path); }

namespace {

std::vector<std::string> parts_backwards(const std::string& path) {
    std::vector<std::string> parts;
    for (std::size_t end = path.size(); end > 0;) {
        std::size_t slash = path.rfind('/', end - 1);
        std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
        if (begin < end) parts.push_back(path.substr(begin, end - begin));
        end = begin == 0 ? 0 : begin - 1;
    }
    return parts;
}

// openat2(RESOLVE_IN_ROOT) done here: ".." is the directory that the walk came through, whatever is
// renamed meanwhile, and an absolute link begins at the root again.
class RootWalk {
public:
    RootWalk(const std::string& path, int flags, mode_t mode)
        : left_(parts_backwards(path)), flags_(flags | O_CLOEXEC), mode_(mode) {
        if (path.ends_with('/')) flags_ |= O_DIRECTORY;
    }

    // Like open(2).
    int run(int rootfd) {
        if (!enter(::openat(rootfd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC))) return -1;
        while (!left_.empty()) {
            std::string name = std::move(left_.back());
            left_.pop_back();
            if (name == ".") continue;
            if (name == "..") {
                if (way_.size() > 1) way_.pop_back();
                continue;
            }
            UniqueFd entry(::openat(here(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
            struct stat info{};
            if (entry.get() >= 0 && ::fstat(entry.get(), &info) != 0) return -1;
            bool link = entry.get() >= 0 && S_ISLNK(info.st_mode);
            bool wanted = left_.empty() && (!link || (flags_ & O_NOFOLLOW) != 0);
            if (wanted) return ::openat(here(), name.c_str(), flags_ | O_NOFOLLOW, mode_);
            if (link ? !follow(entry.get()) : !enter(entry.release())) return -1;
        }
        return ::openat(here(), ".", flags_, mode_);
    }

private:
    int here() const { return way_.back().get(); }

    bool enter(int fd) {
        if (fd >= 0) way_.emplace_back(fd);
        return fd >= 0;
    }

    bool follow(int link) {
        constexpr int kMostLinks = 40;  // the kernel's
        std::array<char, PATH_MAX> target;
        ssize_t n = ::readlinkat(link, "", target.data(), target.size());
        if (n < 0 || ++links_ > kMostLinks) {
            if (n >= 0) errno = ELOOP;
            return false;
        }
        std::string text(target.data(), static_cast<std::size_t>(n));
        if (text.starts_with('/')) way_.resize(1);
        for (std::string& part : parts_backwards(text)) left_.push_back(std::move(part));
        return true;
    }

    std::vector<UniqueFd> way_;      // from the root to where it stands
    std::vector<std::string> left_;  // the next one last
    int flags_;
    mode_t mode_;
    int links_ = 0;
};

}  // namespace

// EAGAIN: a rename went on during the look-up. In a mount that is attached nowhere every ".." is
// one (seen with Linux 6.18).
constexpr int kMostLookups = 64;

Result<UniqueFd> open_in_root(int rootfd, const std::string& path, int flags, mode_t mode) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
    how.mode = mode;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const char* name = path.empty() ? "." : path.c_str();
    long fd;
    int left = kMostLookups;
    do fd = ::syscall(SYS_openat2, rootfd, name, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && --left > 0)));
    if (fd < 0 && errno == EAGAIN) fd = RootWalk(path, flags, mode).run(rootfd);
    if (fd < 0) return fail_errno("open " + path + " inside the root");
    return UniqueFd(static_cast<int>(fd));
}

Result<UniqueFd> make_dirs_in_root(int rootfd, const std::string& path, mode_t mode) {
    UniqueFd current = TRY(open_in_root(rootfd, ".", O_RDONLY | O_DIRECTORY));
    std::string done;
    std::size_t begin = 0;
    while (begin < path.size()) {
        std::size_t end = std::min(path.find('/', begin), path.size());
        std::string part = path.substr(begin, end - begin);
        begin = end + 1;
        if (part.empty() || part == ".") continue;
        done += "/" + part;
        auto next = open_in_root(rootfd, done, O_RDONLY | O_DIRECTORY);
        if (!next && next.error().code() == Code::not_found && part != "..") {
            if (::mkdirat(current.get(), part.c_str(), mode) != 0 && errno != EEXIST)
                return fail_errno("create directory " + done + " inside the root");
            next = open_in_root(rootfd, done, O_RDONLY | O_DIRECTORY);
        }
        current = TRY(std::move(next));
    }
    return current;
}

Result<std::string> read_all(int fd, std::size_t limit, const std::string& name) {
    std::string content;
    std::array<char, 16384> buffer;
    while (true) {
        ssize_t n = ::read(fd, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("read " + name);
        if (n == 0) return content;
        if (content.size() + static_cast<std::size_t>(n) > limit)
            return fail(Code::exhausted,
                        name + " is larger than " + std::to_string(limit) + " bytes");
        content.append(buffer.data(), static_cast<std::size_t>(n));
    }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    return read_file_at(AT_FDCWD, path, limit);
}

Result<std::string> read_file_at(int dirfd, const std::string& name, std::size_t limit) {
    UniqueFd fd = TRY(open_at(dirfd, name, O_RDONLY));
    return read_all(fd.get(), limit, name);
}

Result<> write_all(int fd, std::string_view content, const std::string& name) {
    while (!content.empty()) {
        ssize_t n = ::write(fd, content.data(), content.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail_errno("write " + name);
        content.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<> write_knob(const std::string& path, std::string_view value) {
    return write_knob_at(AT_FDCWD, path, value);
}

Result<> write_knob_at(int dirfd, const std::string& name, std::string_view value) {
    UniqueFd fd = TRY(open_at(dirfd, name, O_WRONLY));
    if (::write(fd.get(), value.data(), value.size()) < 0)
        return fail_errno("write '" + std::string(value) + "' to " + name);
    return {};
}

namespace {

std::string parent_of(const std::string& path) {
    std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<> write_file_atomic(const std::string& path, std::string_view content, mode_t mode,
                           Sync sync) {
    static unsigned counter = 0;
    std::string temporary =
        path + ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter++);
    UniqueFd fd = TRY(open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    auto write = [&]() -> Result<> {
        TRY(write_all(fd.get(), content, temporary));
        if (::fchmod(fd.get(), mode) != 0) return fail_errno("chmod " + temporary);
        if (sync == Sync::yes && ::fsync(fd.get()) != 0) return fail_errno("sync " + temporary);
        return rename(temporary, path);
    };
    if (auto done = write(); !done) {
        ::unlink(temporary.c_str());
        return done;
    }
    if (sync == Sync::yes) {
        UniqueFd parent = TRY(open(parent_of(path), O_RDONLY | O_DIRECTORY));
        if (::fsync(parent.get()) != 0) return fail_errno("sync " + parent_of(path));
    }
    return {};
}

Result<> make_dir(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0) return fail_errno("create directory " + path);
    return {};
}

Result<> make_dirs(const std::string& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) == 0) return {};
    if (errno == EEXIST) {
        if (TRY(stat(path)).is_dir()) return {};
        return fail(Error::from_errno(ENOTDIR, "create directory " + path));
    }
    if (errno != ENOENT) return fail_errno("create directory " + path);
    TRY(make_dirs(parent_of(path), mode));
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return fail_errno("create directory " + path);
    return {};
}

Result<> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) != 0) return fail_errno("remove " + path);
    return {};
}

Result<> rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("rename " + from + " to " + to);
    return {};
}

Result<> rename_new(const std::string& from, const std::string& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) != 0)
        return fail_errno("rename " + from + " to " + to);
    return {};
}

Result<> make_symlink(const std::string& target, const std::string& path) {
    if (::symlink(target.c_str(), path.c_str()) != 0) return fail_errno("create link " + path);
    return {};
}

Result<std::string> read_link(const std::string& path) {
    std::array<char, PATH_MAX> buffer;
    ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size());
    if (n < 0) return fail_errno("read link " + path);
    return std::string(buffer.data(), static_cast<std::size_t>(n));
}

Result<std::vector<std::string>> list_dir(const std::string& path) {
    DIR* stream = ::opendir(path.c_str());
    if (stream == nullptr) return fail_errno("list " + path);
    std::vector<std::string> names;
    while (dirent* entry = ::readdir(stream)) {
        std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(std::move(name));
    }
    ::closedir(stream);
    std::sort(names.begin(), names.end());
    return names;
}

namespace {

FileInfo info_of(const struct stat& s) {
    return {
        s.st_mode,        s.st_ino,         s.st_dev,
        major(s.st_rdev), minor(s.st_rdev), s.st_size,
        s.st_uid,         s.st_gid,         s.st_mtim.tv_sec * 1'000'000'000 + s.st_mtim.tv_nsec};
}

}  // namespace

std::uint64_t device_number(std::uint32_t major_number, std::uint32_t minor_number) {
    return makedev(major_number, minor_number);
}

Result<FileInfo> stat(const std::string& path) {
    struct stat s{};
    if (::stat(path.c_str(), &s) != 0) return fail_errno("stat " + path);
    return info_of(s);
}

Result<FileInfo> lstat(const std::string& path) {
    struct stat s{};
    if (::lstat(path.c_str(), &s) != 0) return fail_errno("stat " + path);
    return info_of(s);
}

Result<FileInfo> stat_fd(int fd, const std::string& name) {
    struct stat s{};
    if (::fstat(fd, &s) != 0) return fail_errno("stat " + name);
    return info_of(s);
}

bool exists(const std::string& path) {
    struct stat s{};
    return ::lstat(path.c_str(), &s) == 0;
}

Result<std::string> real_path(const std::string& path) {
    char* resolved = ::realpath(path.c_str(), nullptr);
    if (resolved == nullptr) return fail_errno("resolve " + path);
    std::string out = resolved;
    ::free(resolved);
    return out;
}

Result<std::string> current_dir() {
    std::array<char, PATH_MAX> buffer;
    if (::getcwd(buffer.data(), buffer.size()) == nullptr)
        return fail_errno("find the current directory");
    return std::string(buffer.data());
}

Result<bool> try_lock_fd(int fd, LockMode mode, const std::string& name) {
    int operation = (mode == LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB;
    if (::flock(fd, operation) == 0) return true;
    if (errno == EWOULDBLOCK) return false;
    return fail_errno("lock " + name);
}

Result<std::optional<UniqueFd>> try_lock_file(const std::string& path, LockMode mode) {
    UniqueFd fd = TRY(open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (TRY(try_lock_fd(fd.get(), mode, path))) return std::optional(std::move(fd));
    return std::optional<UniqueFd>();
}

Result<UniqueFd> lock_file(const std::string& path, LockMode mode) {
    UniqueFd fd = TRY(open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    int result;
    do result = ::flock(fd.get(), mode == LockMode::shared ? LOCK_SH : LOCK_EX);
    while (result != 0 && errno == EINTR);
    if (result != 0) return fail_errno("lock " + path);
    return fd;
}

Result<Pipe> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return fail_errno("create a pipe");
    return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

}  // namespace crank::sys
