#include "sys/stdin_pipe.h"

#include <fcntl.h>

#include <cerrno>
#include <string>

#include "sys/file.h"

namespace crank::sys {

Result<UniqueFd> open_silent_pipe() {
    Pipe pipe = TRY(make_pipe());
    return open("/proc/self/fd/" + std::to_string(pipe.read.get()), O_RDWR);
}

Result<> ensure_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is the one wanted.
        if (::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) < 0)
            return fail_errno("open /dev/null");
    }
    return {};
}

Result<UniqueFd> duplicate(int fd) {
    UniqueFd copy(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy) return fail_errno("duplicate descriptor " + std::to_string(fd));
    return copy;
}

}  // namespace crank::sys
