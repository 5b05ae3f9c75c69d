#include "shim/other_runtime.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shim/kernel.h"
#include "shim/passing.h"
#include "shim/records.h"

namespace crank::shim {
namespace {

// The caller waits as long for a start.
constexpr int kDeadlineMs = 60 * 1000;
constexpr int kTerminalMs = 10 * 1000;

int shell_code(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int reap(int pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    return status;
}

// Its code; of one that does not end in time, or whose caller is gone, that of SIGKILL.
int wait_for_command(int pid, int pidfd, int control) {
    pollfd waits[2] = {{pidfd, POLLIN, 0}, {control, 0, 0}};
    int ready;
    do ready = poll(waits, 2, kDeadlineMs);
    while (ready < 0 && errno == EINTR);
    // It leads a session of its own: with what it has started.
    if ((waits[0].revents & POLLIN) == 0) kill(-pid, SIGKILL);
    return shell_code(reap(pid));
}

// With nothing of the monitor's but its three standard descriptors, which are /dev/null.
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

// `last`: a word more, or null. `control`: whose end ends the command too, or -1.
int run_command(const PlanView& plan, uint32_t list, uint32_t count, char* last, int control) {
    int pid = static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) be_command(plan.text(list), count, last);
    if (pid < 0) return 127;
    int pidfd = pidfd_open(pid);
    if (pidfd < 0) return shell_code(reap(pid));
    int code = wait_for_command(pid, pidfd, control);
    close(pidfd);
    return code;
}

int read_process(const PlanView& plan) {
    char text[32];
    return read_text(plan.text(plan.header->other.pid_file), text, sizeof text) ? atoi(text) : -1;
}

// What `create` has sent lies in the socket, whether anybody has accepted it or not.
int take_terminal(int listener) {
    pollfd waits{listener, POLLIN, 0};
    if (poll(&waits, 1, kTerminalMs) <= 0) return -1;
    int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return -1;
    char name[4096];
    int terminal = -1;
    waits = {connection, POLLIN, 0};
    if (poll(&waits, 1, kTerminalMs) > 0)
        receive_with(connection, name, sizeof name, MSG_DONTWAIT, terminal);
    close(connection);
    return terminal;
}

StepFailure let_it_run(const PlanView& plan, Pipes& pipes, Kept& kept) {
    const OtherRuntime& other = plan.header->other;
    if (other.console_slot >= 0) {
        int listener = PlanView::slot(other.console_slot);
        pipes.terminal[0] = take_terminal(listener);
        close(listener);
        if (pipes.terminal[0] < 0) return {own_step(OwnStep::other_terminal), ENXIO};
    }
    int code = run_command(plan, other.start, other.start_words, nullptr, kControlFd);
    if (code != 0) return {own_step(OwnStep::other_start), code};
    kept.terminal = pipes.terminal[0];
    return {0, 0};
}

}  // namespace

bool is_of_other_runtime(const PlanView& plan) { return plan.header->other.pid_file != 0; }

void await_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

StepFailure attend_creation(const PlanView& plan, Pipes& pipes, Kept& kept) {
    int code = wait_for_command(kept.child, kept.pidfd, kControlFd);
    close(kept.pidfd);
    kept.child = kept.pidfd = -1;
    if (code != 0) return {own_step(OwnStep::other_create), code};
    int pid = read_process(plan);
    // Ours to reap, so that the number is its alone.
    kept.pidfd = pid > 1 ? pidfd_open(pid) : -1;
    if (kept.pidfd < 0) return {own_step(OwnStep::other_process), pid > 1 ? errno : EINVAL};
    kept.child = pid;
    // Orphans from now on (of who probes its health) are nobody's whom this one would wait for.
    prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    StepFailure failure = let_it_run(plan, pipes, kept);
    if (failure.error_number == 0) return failure;
    pidfd_send_signal(kept.pidfd, SIGKILL);
    reap(kept.child);
    return failure;
}

void signal_by_other_runtime(const PlanView& plan, int number) {
    const OtherRuntime& other = plan.header->other;
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    run_command(plan, other.kill, other.kill_words, text, -1);
}

void forget_in_other_runtime(const PlanView& plan) {
    const OtherRuntime& other = plan.header->other;
    if (is_of_other_runtime(plan)) run_command(plan, other.remove, other.remove_words, nullptr, -1);
}

}  // namespace crank::shim
