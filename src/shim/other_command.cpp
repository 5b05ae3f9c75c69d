#include "shim/other_command.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/kernel.h"

namespace crank::shim {
namespace {

[[noreturn]] void be_command(const char* list, uint32_t count, char* last) {
    char* words[kMaxOtherWords + 2];
    uint32_t n = 0;
    for (; n < count && n < kMaxOtherWords; list += strlen(list) + 1)
        words[n++] = const_cast<char*>(list);
    if (last != nullptr) words[n++] = last;
    words[n] = nullptr;
    for (int number = 1; number < 65; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    setsid();
    close_range(3, ~0u, 0);
    if (count > 0) execve(words[0], words, environ);
    _exit(127);
}

}  // namespace

int start_command(const PlanView& plan, uint32_t list, uint32_t count, char* last) {
    int pid = static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) be_command(plan.text(list), count, last);
    return pid;
}

int end_command(int pid, Ending ending) {
    if (ending == Ending::killed) {
        kill(-pid, SIGKILL);
        // It may not lead its session yet.
        kill(pid, SIGKILL);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace crank::shim
