#include "sys/attributes.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/text.h"

namespace crank::sys {

namespace {

const char* shown(const std::string& name) { return name.empty() ? "." : name.c_str(); }

std::string proc_path(int dirfd, const std::string& name) {
    std::string path = "/proc/self/fd/" + std::to_string(dirfd);
    // "/." where the descriptor itself is meant: the link of the descriptor is followed, then.
    return name.empty() ? path + "/." : path + "/" + name;
}

}  // namespace

Result<Attributes> attributes_at(int dirfd, const std::string& name) {
    struct stat s{};
    if (::fstatat(dirfd, name.c_str(), &s, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
        return fail_errno("stat " + std::string(shown(name)));
    Attributes out;
    out.mode = s.st_mode;
    out.uid = s.st_uid;
    out.gid = s.st_gid;
    out.inode = s.st_ino;
    out.device = s.st_dev;
    out.links = s.st_nlink;
    out.size = s.st_size;
    out.blocks = s.st_blocks;
    out.mtime = s.st_mtim.tv_sec;
    out.mtime_ns = static_cast<std::uint32_t>(s.st_mtim.tv_nsec);
    out.major = gnu_dev_major(s.st_rdev);
    out.minor = gnu_dev_minor(s.st_rdev);
    return out;
}

Result<std::vector<std::string>> list_at(int dirfd) {
    // A fresh description: the position of the caller's is not moved.
    int copy = ::openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (copy < 0) return fail_errno("open directory");
    std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
    if (!stream) {
        ::close(copy);
        return fail_errno("list directory");
    }
    std::vector<std::string> names;
    errno = 0;
    while (dirent* entry = ::readdir(stream.get())) {
        std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) return fail_errno("list directory");
    std::ranges::sort(names);
    return names;
}

Result<std::string> read_link_at(int dirfd, const std::string& name) {
    std::array<char, PATH_MAX> buffer;
    ssize_t n = ::readlinkat(dirfd, name.c_str(), buffer.data(), buffer.size());
    if (n < 0) return fail_errno("read link " + name);
    return std::string(buffer.data(), static_cast<std::size_t>(n));
}

Result<> set_owner_at(int dirfd, const std::string& name, uid_t uid, gid_t gid) {
    if (::fchownat(dirfd, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0)
        return fail_errno("set owner " + std::to_string(uid) + ":" + std::to_string(gid) + " of " +
                          shown(name));
    return {};
}

Result<> set_mode_at(int dirfd, const std::string& name, mode_t mode) {
    if (::fchmodat(dirfd, shown(name), mode & 07777, 0) != 0)
        return fail_errno("set mode of " + std::string(shown(name)));
    return {};
}

Result<> set_mtime_at(int dirfd, const std::string& name, std::int64_t seconds,
                      std::uint32_t nanoseconds) {
    timespec time{};
    time.tv_sec = seconds;
    time.tv_nsec = nanoseconds;
    const timespec times[2] = {time, time};
    if (::utimensat(dirfd, shown(name), times, AT_SYMLINK_NOFOLLOW) != 0)
        return fail_errno("set time of " + std::string(shown(name)));
    return {};
}

Result<> make_dir_at(int dirfd, const std::string& name, mode_t mode) {
    if (::mkdirat(dirfd, name.c_str(), mode) != 0) return fail_errno("create directory " + name);
    return {};
}

Result<> make_symlink_at(const std::string& target, int dirfd, const std::string& name) {
    if (::symlinkat(target.c_str(), dirfd, name.c_str()) != 0)
        return fail_errno("create link " + name);
    return {};
}

Result<> make_node_at(int dirfd, const std::string& name, mode_t mode, std::uint32_t major,
                      std::uint32_t minor) {
    if (::mknodat(dirfd, name.c_str(), mode, gnu_dev_makedev(major, minor)) != 0)
        return fail_errno("create node " + name);
    return {};
}

Result<> hard_link_at(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    if (::linkat(from_dir, from.c_str(), to_dir, to.c_str(), 0) != 0)
        return fail_errno("link " + to + " to " + from);
    return {};
}

Result<> remove_at(int dirfd, const std::string& name) {
    if (::unlinkat(dirfd, name.c_str(), 0) == 0) return {};
    if (errno == EISDIR && ::unlinkat(dirfd, name.c_str(), AT_REMOVEDIR) == 0) return {};
    return fail_errno("remove " + name);
}

Result<std::vector<std::string>> list_xattrs_at(int dirfd, const std::string& name) {
    std::string path = proc_path(dirfd, name);
    std::array<char, 1024> small;
    std::string names;
    ssize_t n = ::llistxattr(path.c_str(), small.data(), small.size());
    if (n >= 0) {
        names.assign(small.data(), static_cast<std::size_t>(n));
    } else if (errno == ERANGE) {
        names.resize(XATTR_LIST_MAX);
        n = ::llistxattr(path.c_str(), names.data(), names.size());
        if (n >= 0) names.resize(static_cast<std::size_t>(n));
    }
    if (n < 0 && errno == ENOTSUP) return std::vector<std::string>();
    if (n < 0) return fail_errno("list extended attributes of " + std::string(shown(name)));
    std::vector<std::string> out;
    for (std::size_t at = 0; at < names.size(); at = names.find('\0', at) + 1)
        out.emplace_back(names.c_str() + at);
    std::ranges::sort(out);
    return out;
}

Result<std::optional<std::string>> get_xattr_at(int dirfd, const std::string& name,
                                                const std::string& key) {
    std::string path = proc_path(dirfd, name);
    std::string value(256, '\0');
    ssize_t n = ::lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    if (n < 0 && errno == ERANGE) {
        value.resize(XATTR_SIZE_MAX);
        n = ::lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    }
    if (n < 0 && (errno == ENODATA || errno == ENOTSUP)) return std::optional<std::string>();
    if (n < 0) return fail_errno("read attribute " + key + " of " + shown(name));
    value.resize(static_cast<std::size_t>(n));
    return std::optional(std::move(value));
}

Result<> set_xattr_at(int dirfd, const std::string& name, const std::string& key,
                      std::string_view value) {
    std::string path = proc_path(dirfd, name);
    if (::lsetxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0) != 0)
        return fail_errno("set attribute " + key + " of " + shown(name));
    return {};
}

}  // namespace crank::sys
