#include "sys/holder.h"

#include <sys/prctl.h>
#include <unistd.h>
#include <csignal>

namespace crank::sys {

Result<Child> start_holder() {
    pid_t parent = ::getpid();
    pid_t pid = ::fork();
    if (pid < 0) return fail_errno("start a process");
    if (pid == 0) {
        // No allocation, no lock: the caller may have had threads.
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        // It may have died before that.
        while (::getppid() == parent) ::pause();
        ::_exit(0);
    }
    auto pidfd = open_pidfd(pid);
    if (!pidfd) {
        ::kill(pid, SIGKILL);
        return fail(std::move(pidfd).error());
    }
    return Child(pid, std::move(*pidfd));
}

}  // namespace crank::sys
