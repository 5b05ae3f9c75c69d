#include "sys/owned_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"

namespace crank::sys {

Result<> write_new_file_at(int dirfd, const std::string& name, std::string_view content,
                           mode_t mode, std::optional<Owner> owner) {
    UniqueFd fd = TRY(open_at(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    TRY(write_all(fd.get(), content, name));
    if (owner && ::fchown(fd.get(), owner->uid, owner->gid) != 0)
        return fail_errno("give " + name + " to user " + std::to_string(owner->uid));
    TRY(set_mode(fd.get(), mode,
                 name));  // last: chown(2) may clear bits, the umask has cleared some
    return sync(fd.get(), name);
}

Result<> set_mode(int fd, mode_t mode, const std::string& name) {
    if (::fchmod(fd, mode) != 0) return fail_errno("set the mode of " + name);
    return {};
}

void give_pipe(int fd, uid_t uid) {
    struct stat info{};
    if (::fstat(fd, &info) == 0 && S_ISFIFO(info.st_mode))
        (void)!::fchown(fd, uid, static_cast<gid_t>(-1));
}

Result<> sync(int fd, const std::string& name) {
    if (::fsync(fd) != 0) return fail_errno("sync " + name);
    return {};
}

}  // namespace crank::sys
