#include "sys/stdin_pipe.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "sys/errors.h"
#include "sys/file.h"

namespace crank::sys {

Result<UniqueFd> open_silent_pipe() {
    Pipe pipe = TRY(make_pipe());
    return open("/proc/self/fd/" + std::to_string(pipe.read.get()), O_RDWR);
}

Result<> settle_inherited_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is the one wanted.
        if (::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) < 0)
            return fail_errno("open /dev/null");
    }
    // A kernel without it, or a filter that says so by EPERM, starts no container anyway, and crank
    // says so there.
    if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0 && !is_unknown_call(errno) &&
        errno != EPERM)
        return fail_errno("keep inherited descriptors to this process");
    return {};
}

Result<UniqueFd> duplicate(int fd) {
    UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("duplicate descriptor " + std::to_string(fd));
    return copy;
}

}  // namespace crank::sys
