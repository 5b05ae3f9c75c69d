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
#include "shim/other_command.h"
#include "shim/passing.h"
#include "shim/records.h"

namespace crank::shim {
namespace {

// The caller waits as long for a start.
constexpr int kDeadlineMs = 60 * 1000;
constexpr int kTerminalMs = 10 * 1000;
// `crank rm` waits half as long again for the monitor's end.
constexpr int kRemoveMs = 20 * 1000;

// Its code; of one that does not end in time, or whose caller is gone, that of SIGKILL.
int wait_for_command(int pid, int pidfd, int control, int deadline_ms) {
    pollfd waits[2] = {{pidfd, POLLIN, 0}, {control, 0, 0}};
    int ready;
    do ready = poll(waits, 2, deadline_ms);
    while (ready < 0 && errno == EINTR);
    bool ended = (waits[0].revents & POLLIN) != 0;
    return end_command(pid, ended ? Ending::by_itself : Ending::killed);
}

// `control`: whose end ends the command too, or -1.
int run_command(const PlanView& plan, uint32_t list, uint32_t count, int control, int deadline_ms) {
    int pid = start_command(plan, list, count, nullptr);
    if (pid < 0) return 127;
    int pidfd = pidfd_open(pid);
    if (pidfd < 0) return end_command(pid, Ending::by_itself);
    int code = wait_for_command(pid, pidfd, control, deadline_ms);
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
    int code = run_command(plan, other.start, other.start_words, kControlFd, kDeadlineMs);
    if (code != 0) return {own_step(OwnStep::other_start), code};
    kept.terminal = pipes.terminal[0];
    return {0, 0};
}

}  // namespace

bool is_of_other_runtime(const PlanView& plan) { return plan.header->other.pid_file != 0; }

void await_orphans() { prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

StepFailure attend_creation(const PlanView& plan, Pipes& pipes, Kept& kept) {
    int code = wait_for_command(kept.child, kept.pidfd, kControlFd, kDeadlineMs);
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
    end_command(kept.child, Ending::by_itself);
    return failure;
}

void forget_in_other_runtime(const PlanView& plan) {
    const OtherRuntime& other = plan.header->other;
    if (is_of_other_runtime(plan))
        run_command(plan, other.remove, other.remove_words, -1, kRemoveMs);
}

}  // namespace crank::shim
