#include "shim/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "shim/child.h"
#include "shim/cleanup.h"
#include "shim/kernel.h"
#include "shim/locker.h"
#include "shim/passing.h"

namespace crank::shim {
namespace {

constexpr uint64_t kClonePidfd = 0x1000;

}  // namespace

bool has(const PlanView& plan, uint32_t flag) { return (plan.header->flags & flag) != 0; }

void send_packet(const Packet& packet, int descriptor) {
    // The end of the connection says to the caller that nothing more will come.
    if (send_with(kControlFd, &packet, sizeof packet, descriptor) < 0)
        shutdown(kControlFd, SHUT_RDWR);
}

int make_pipes(const PlanView& plan, Pipes& pipes) {
    if (pipe2(pipes.report, O_CLOEXEC) != 0) return errno;
    if (has(plan, kFlagHandOver)) return 0;
    if (plan.header->role == Role::monitor && pipe2(pipes.life, O_CLOEXEC) != 0) return errno;
    if (has(plan, kFlagTerminal))
        return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pipes.terminal) != 0 ? errno : 0;
    if (plan.header->role == Role::join) return 0;
    if (pipe2(pipes.out, O_CLOEXEC) != 0 || pipe2(pipes.err, O_CLOEXEC) != 0) return errno;
    return 0;
}

namespace {

// clone3 as the plan wants it, with what is added. 0 in the child.
long clone_as_planned(const PlanView& plan, uint64_t flags, uint64_t exit_signal, int* pidfd) {
    CloneArgs args{};
    args.flags = flags;
    args.exit_signal = exit_signal;
    if (pidfd != nullptr) {
        args.flags |= kClonePidfd;
        args.pidfd = reinterpret_cast<uint64_t>(pidfd);
    }
    if (plan.header->cgroup_slot >= 0) {
        args.flags |= kCloneIntoCgroup;
        args.cgroup = static_cast<uint64_t>(PlanView::slot(plan.header->cgroup_slot));
    }
    return syscall(kSysClone3, &args, sizeof args);
}

[[noreturn]] void be_child(const PlanView& plan, const Pipes& pipes) {
    ChildIo io{pipes.report[1], pipes.out[1], pipes.err[1], pipes.terminal[1], pipes.locker[1]};
    io.out_read = pipes.out[0];
    io.err_read = pipes.err[0];
    io.life_read = pipes.life[0];
    // Held by whoever watches alone.
    if (pipes.life[1] >= 0) close(pipes.life[1]);
    run_child(plan, io);
}

// What the process between tells the shim.
struct Between {
    uint64_t step;
    int error_number;
    int child;
};

// It enters the user namespace, so that every namespace of the child's belongs to that one, and has
// the child as its sibling. It never runs a program.
[[noreturn]] void be_between(const PlanView& plan, const Pipes& pipes, int answer_write) {
    // Root of a namespace that others live in could look into it.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    const Header& header = *plan.header;
    Between answer{own_step(OwnStep::clone), 0, -1};
    ChildIo io{-1, pipes.out[1], pipes.err[1]};
    uint32_t failed = 0;
    answer.error_number =
        perform(plan, io, header.before_clone, header.before_clone + header.between, failed);
    if (answer.error_number != 0) {
        answer.step = failed;
    } else {
        constexpr uint64_t kCloneParent = 0x8000;
        // Its own group is inherited: joining one by descriptor is the host's right.
        CloneArgs args{};
        args.flags = header.clone_flags | kCloneParent;
        answer.child = static_cast<int>(syscall(kSysClone3, &args, sizeof args));
        if (answer.child == 0) be_child(plan, pipes);
        if (answer.child < 0) answer.error_number = errno;
    }
    (void)!write(answer_write, &answer, sizeof answer);
    _exit(0);
}

int start_between(const PlanView& plan, Pipes& pipes, int& pidfd, StepFailure& failure) {
    int answer[2];
    failure = {own_step(OwnStep::make_pipes), 0};
    if (pipe2(answer, O_CLOEXEC) != 0) {
        failure.error_number = errno;
        return -1;
    }
    failure.step = own_step(OwnStep::clone);
    if (int error = start_locker(plan, pipes); error != 0) {
        failure.error_number = error;
        return -1;
    }
    long between = clone_as_planned(plan, 0, SIGCHLD, nullptr);
    if (between == 0) be_between(plan, pipes, answer[1]);
    failure.error_number = errno;
    close(answer[1]);
    Between told{};
    ssize_t n = 0;
    if (between > 0) {
        do n = read(answer[0], &told, sizeof told);
        while (n < 0 && errno == EINTR);
        int status;
        while (waitpid(static_cast<pid_t>(between), &status, 0) < 0 && errno == EINTR) {}
    }
    close(answer[0]);
    if (between < 0) return -1;
    if (n != static_cast<ssize_t>(sizeof told)) {
        failure = {own_step(OwnStep::child_died), ECHILD};
        return -1;
    }
    failure = {told.step, told.error_number};
    if (told.child < 0) return -1;
    // Our own child, not reaped yet: the number is its alone.
    pidfd = pidfd_open(told.child);
    failure.error_number = errno;
    if (pidfd >= 0) return told.child;
    kill(told.child, SIGKILL);
    return -1;
}

}  // namespace

int start_child(const PlanView& plan, Pipes& pipes, int& pidfd, StepFailure& failure) {
    if (plan.header->between != 0) return start_between(plan, pipes, pidfd, failure);
    long pid = clone_as_planned(plan, plan.header->clone_flags, SIGCHLD, &pidfd);
    failure = {own_step(OwnStep::clone), errno};
    if (pid == 0) be_child(plan, pipes);
    return static_cast<int>(pid);
}

void close_child_ends(const PlanView& plan, Pipes& pipes) {
    int* const ends[] = {&pipes.report[1],   &pipes.out[1],    &pipes.err[1],
                         &pipes.terminal[1], &pipes.locker[1], &pipes.life[0]};
    for (int* end : ends) {
        if (*end >= 0) close(*end);
        *end = -1;
    }
    for (uint32_t i = 0; i < plan.header->slot_count; ++i) {
        auto slot = static_cast<int32_t>(i);
        bool keep = slot == plan.header->forward_stdout || slot == plan.header->forward_stderr ||
                    slot == plan.header->other.console_slot;
        for (uint32_t p = 0; p < plan.header->port_count; ++p)
            keep = keep || slot == plan.header->ports[p].listener_slot;
        const Resolver& resolver = plan.header->resolver;
        keep = keep || slot == resolver.udp_slot || slot == resolver.tcp_slot;
        if (!keep) close(PlanView::slot(slot));
    }
}

void tell_failure(const PlanView& plan, uint64_t step, int error) {
    clean_up(plan);
    Packet packet{Message::failed};
    packet.a = step;
    packet.b = static_cast<uint64_t>(error);
    send_packet(packet);
}

}  // namespace crank::shim
