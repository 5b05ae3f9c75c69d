#include "sys/entry.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sys/file.h"

namespace crank::sys {
namespace {

// O_PATH descriptors take few calls; their path below /proc takes all of them.
std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

}  // namespace

Result<std::optional<UniqueFd>> open_entry(int dirfd, const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos)
        return fail(Code::invalid_argument, "\"" + name + "\" is no name of a directory entry");
    UniqueFd fd(::openat(dirfd, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (fd) return std::optional(std::move(fd));
    if (errno == ENOENT) return std::optional<UniqueFd>();
    return fail_errno("open " + name);
}

Result<UniqueFd> reopen_for_reading(int entry, const std::string& name) {
    if (!TRY(stat_fd(entry, name)).is_regular())
        return fail(Code::invalid_argument, name + " is not a regular file");
    UniqueFd fd(::open(proc_path(entry).c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return fail_errno("open " + name);
    return fd;
}

Result<std::string> link_target(int entry, const std::string& name) {
    std::array<char, PATH_MAX> buffer;
    ssize_t n = ::readlinkat(entry, "", buffer.data(), buffer.size());
    if (n < 0) return fail_errno("read link " + name);
    return std::string(buffer.data(), static_cast<std::size_t>(n));
}

Result<std::optional<std::string>> extended_attribute(int entry, const std::string& attribute) {
    std::array<char, 256> buffer;
    ssize_t n =
        ::getxattr(proc_path(entry).c_str(), attribute.c_str(), buffer.data(), buffer.size());
    if (n >= 0) return std::optional(std::string(buffer.data(), static_cast<std::size_t>(n)));
    if (errno == ENODATA || errno == EOPNOTSUPP) return std::optional<std::string>();
    return fail_errno("read attribute " + attribute);
}

}  // namespace crank::sys
