#include "shim/starter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shim/child.h"
#include "shim/cleanup.h"
#include "shim/kernel.h"
#include "shim/locker.h"
#include "shim/start.h"

namespace crank::shim {
namespace {

void reap(int pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
}

struct Starter {
    const PlanView& plan;
    Pipes& pipes;
    int report;
    int child, pidfd;
};

enum class Next { go_on, end };

// What the child wrote, or that its end of the pipe is closed: by its exec, or because it waits to
// be started and will report to whoever does that.
Next on_report(Starter& starter) {
    Report report{};
    ssize_t n;
    do n = read(starter.report, &report, sizeof report);
    while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(sizeof report) && report.error_number != 0) {
        reap(starter.child);
        reap_locker(starter.pipes);
        tell_failure(starter.plan, report.op, report.error_number);
        return Next::end;
    }
    Packet packet{n > 0 ? Message::reached : Message::started};
    packet.a = n > 0 ? report.op : static_cast<uint64_t>(starter.child);
    packet.b = static_cast<uint64_t>(starter.child);
    send_packet(packet);
    if (n <= 0) {
        close(starter.report);
        starter.report = -1;
    }
    return Next::go_on;
}

Next on_control(const Starter& starter) {
    Packet packet{};
    ssize_t n = recv(kControlFd, &packet, sizeof packet, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Next::go_on;
    if (n == static_cast<ssize_t>(sizeof packet)) {
        if (packet.message == Message::release) return Next::end;
        if (packet.message == Message::signal)
            pidfd_send_signal(starter.pidfd, static_cast<int>(packet.a));
        return Next::go_on;
    }
    // The caller ended before it had recorded what it asked for.
    pidfd_send_signal(starter.pidfd, SIGKILL);
    reap(starter.child);
    reap_locker(starter.pipes);
    clean_up(starter.plan);
    return Next::end;
}

}  // namespace

void run_starter(PlanView& plan) {
    Pipes pipes;
    uint32_t failed = 0;
    ChildIo nobody{-1};
    if (int error = perform(plan, nobody, 0, plan.header->before_clone, failed); error != 0)
        return tell_failure(plan, failed, error);
    if (int error = make_pipes(plan, pipes); error != 0)
        return tell_failure(plan, kOwnStep + static_cast<uint64_t>(OwnStep::make_pipes), error);
    int pidfd = -1;
    StepFailure failure{};
    int child = start_child(plan, pipes, pidfd, failure);
    if (child < 0) {
        reap_locker(pipes);
        return tell_failure(plan, failure.step, failure.error_number);
    }
    close_child_ends(plan, pipes);
    Starter starter{plan, pipes, pipes.report[0], child, pidfd};
    Next next = Next::go_on;
    while (next == Next::go_on) {
        // poll leaves a negative descriptor out.
        pollfd waiters[2] = {{kControlFd, POLLIN, 0}, {starter.report, POLLIN, 0}};
        if (poll(waiters, 2, -1) < 0) continue;
        // What the child has to say comes first: it may have failed while the caller went away.
        if (waiters[1].revents != 0) next = on_report(starter);
        if (waiters[0].revents != 0 && next == Next::go_on) next = on_control(starter);
    }
    reap_locker(pipes);
}

}  // namespace crank::shim
