#include "sys/foreign_descriptor.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace crank::sys {

Result<UniqueFd> take_descriptor(int pidfd, int number) {
    constexpr long kPidfdGetfd = 438;  // one number on every architecture
    long fd = ::syscall(kPidfdGetfd, pidfd, number, 0);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    std::string what = "take descriptor " + std::to_string(number) + " of another process";
    if (errno == EBADF || errno == ESRCH) return fail(Code::not_found, what + ": there is none");
    return fail_errno(what);
}

}  // namespace crank::sys
