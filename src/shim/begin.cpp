#include "shim/begin.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shim/adoption.h"
#include "shim/callers_groups.h"
#include "shim/child.h"
#include "shim/end.h"
#include "shim/kernel.h"
#include "shim/locker.h"
#include "shim/other_runtime.h"
#include "shim/passing.h"
#include "shim/records.h"
#include "shim/start.h"

namespace crank::shim {
namespace {

constexpr StepFailure kNoFailure{0, 0};

int receive_descriptor(int socket) {
    char byte;
    int descriptor;
    ssize_t n = receive_with(socket, &byte, sizeof byte, MSG_DONTWAIT, descriptor);
    return n == 1 ? descriptor : -1;
}

StepFailure make_child(const PlanView& plan, Pipes& pipes, Kept& kept) {
    uint32_t failed = 0;
    ChildIo nobody{-1};
    if (int error = perform(plan, nobody, 0, plan.header->before_clone, failed); error != 0)
        return {failed, error};
    if (int error = make_pipes(plan, pipes); error != 0)
        return {own_step(OwnStep::make_pipes), error};
    if (is_of_other_runtime(plan)) await_orphans();
    StepFailure failure{};
    kept.child = start_child(plan, pipes, kept.pidfd, failure);
    if (kept.child < 0) {
        reap_locker(pipes);
        return failure;
    }
    mark(plan, Moment::cloned);
    close_child_ends(plan, pipes);
    kept.locker = pipes.locker_pid;
    return kNoFailure;
}

// Until the child's program runs.
StepFailure wait_for_exec(Pipes& pipes, int pid) {
    Report report{};
    ssize_t n;
    while (true) {
        do n = read(pipes.report[0], &report, sizeof report);
        while (n < 0 && errno == EINTR);
        if (n != static_cast<ssize_t>(sizeof report) || report.error_number != 0) break;
        // It waits for hooks, which crank calls.
        Packet packet{Message::reached};
        packet.a = report.op;
        packet.b = static_cast<uint64_t>(pid);
        send_packet(packet);
    }
    close(pipes.report[0]);
    // The end of the pipe: exec has closed it. (A child killed before exec ends it too; it is then
    // reported as started and, at once, as ended by that signal.)
    if (n == 0) return kNoFailure;
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    reap_locker(pipes);
    return {report.op, report.error_number != 0 ? report.error_number : ECHILD};
}

// What of the container's this process is to keep from here on.
void keep(const PlanView& plan, const Pipes& pipes, Kept& kept) {
    kept.out = pipes.out[0];
    kept.err = pipes.err[0];
    kept.life = pipes.life[1];
    if (plan.header->role == Role::monitor) kept.mount_namespace = hold_mount_namespace(kept.child);
    int held = PlanView::slot(static_cast<int32_t>(plan.header->slot_count));
    if (fcntl(held, F_GETFD) >= 0) kept.held = held;
    if (fcntl(held + 1, F_GETFD) >= 0) kept.held_too = held + 1;
    kept.ports = ~uint64_t{0};
    kept.resolves = plan.header->resolver.udp_slot >= 0;
    note_streams(plan, kept);
    forget_environment(plan);
}

void tell_started(const PlanView& plan, Kept& kept) {
    kept.started_ns = realtime_ns();
    record_state(plan, kept.child, kept.started_ns);
    record_event(plan, "start", "{}");
    if (kept.terminal >= 0) send_packet(Packet{Message::terminal}, kept.terminal);
    Packet packet{Message::started};
    packet.a = static_cast<uint64_t>(kept.child);
    send_packet(packet);
    kept.worker = find_worker(plan, kept.child);
}

StepFailure begin_worker(const PlanView& plan, Kept& kept) {
    Pipes pipes;
    StepFailure failure = make_child(plan, pipes, kept);
    if (failure.error_number != 0) return failure;
    // While the child makes its mounts.
    leave_callers_cgroups(plan);
    kept.left_callers_groups = true;
    failure = wait_for_exec(pipes, kept.child);
    if (failure.error_number != 0) return failure;
    if (is_of_other_runtime(plan)) {
        failure = attend_creation(plan, pipes, kept);
        if (failure.error_number != 0) return failure;
    } else if (pipes.terminal[0] >= 0) {
        kept.terminal = receive_descriptor(pipes.terminal[0]);
    }
    keep(plan, pipes, kept);
    tell_started(plan, kept);
    return kNoFailure;
}

}  // namespace

bool begin(PlanView& plan, Kept& kept) {
    StepFailure failure = begin_worker(plan, kept);
    if (failure.error_number == 0) return true;
    tell_failure(plan, failure.step, failure.error_number);
    return false;
}

}  // namespace crank::shim
