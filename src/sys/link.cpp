#include "sys/link.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

namespace crank::sys {

Result<LinkOutcome> try_link_at(int from_dir, const std::string& from, int to_dir,
                                const std::string& to) {
    if (::linkat(from_dir, from.c_str(), to_dir, to.c_str(), 0) == 0) return LinkOutcome::made;
    switch (errno) {
        case EEXIST: return LinkOutcome::exists;
        case ENOENT: return LinkOutcome::missing;
        case EMLINK: return LinkOutcome::full;
        case EPERM:
        case EXDEV:
        case EOPNOTSUPP: return LinkOutcome::refused;
        default: return fail_errno("link " + to + " to " + from);
    }
}

Result<> rename_at(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    if (::renameat(from_dir, from.c_str(), to_dir, to.c_str()) != 0)
        return fail_errno("rename " + from + " to " + to);
    return {};
}

Result<> set_owner(int fd, uid_t uid, gid_t gid, const std::string& name) {
    if (::fchown(fd, uid, gid) != 0)
        return fail_errno("set owner " + std::to_string(uid) + ":" + std::to_string(gid) + " of " +
                          name);
    return {};
}

Result<> set_mtime(int fd, std::int64_t seconds, std::uint32_t nanoseconds,
                   const std::string& name) {
    timespec time{};
    time.tv_sec = seconds;
    time.tv_nsec = nanoseconds;
    const timespec times[2] = {time, time};
    if (::futimens(fd, times) != 0) return fail_errno("set time of " + name);
    return {};
}

Result<> set_xattr(int fd, const std::string& key, std::string_view value,
                   const std::string& name) {
    if (::fsetxattr(fd, key.c_str(), value.data(), value.size(), 0) != 0)
        return fail_errno("set attribute " + key + " of " + name);
    return {};
}

}  // namespace crank::sys
