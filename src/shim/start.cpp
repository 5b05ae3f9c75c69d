#include "shim/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "shim/child.h"
#include "shim/cleanup.h"
#include "shim/kernel.h"

namespace crank::shim {
namespace {

constexpr uint64_t kClonePidfd = 0x1000;

}  // namespace

bool has(const PlanView& plan, uint32_t flag) { return (plan.header->flags & flag) != 0; }

void send_packet(const Packet& packet, int descriptor) {
    iovec data{const_cast<Packet*>(&packet), sizeof packet};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = space;
        message.msg_controllen = sizeof space;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    }
    sendmsg(kControlFd, &message, MSG_NOSIGNAL);
}

int make_pipes(const PlanView& plan, Pipes& pipes) {
    if (pipe2(pipes.report, O_CLOEXEC) != 0) return errno;
    if (has(plan, kFlagHandOver)) return 0;
    if (has(plan, kFlagTerminal))
        return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pipes.terminal) != 0 ? errno : 0;
    if (plan.header->role == Role::join) return 0;
    if (pipe2(pipes.out, O_CLOEXEC) != 0 || pipe2(pipes.err, O_CLOEXEC) != 0) return errno;
    return 0;
}

int start_child(const PlanView& plan, Pipes& pipes, int& pidfd) {
    CloneArgs args{};
    args.flags = plan.header->clone_flags | kClonePidfd;
    args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
    args.exit_signal = SIGCHLD;
    if (plan.header->cgroup_slot >= 0) {
        args.flags |= kCloneIntoCgroup;
        args.cgroup = static_cast<uint64_t>(PlanView::slot(plan.header->cgroup_slot));
    }
    long pid = syscall(kSysClone3, &args, sizeof args);
    if (pid == 0) {
        ChildIo io{pipes.report[1], pipes.out[1], pipes.err[1], pipes.terminal[1]};
        run_child(plan, io);
    }
    return static_cast<int>(pid);
}

void close_child_ends(const PlanView& plan, Pipes& pipes) {
    int* const ends[] = {&pipes.report[1], &pipes.out[1], &pipes.err[1], &pipes.terminal[1]};
    for (int* end : ends) {
        if (*end >= 0) close(*end);
        *end = -1;
    }
    for (uint32_t i = 0; i < plan.header->slot_count; ++i) {
        auto slot = static_cast<int32_t>(i);
        bool keep = slot == plan.header->forward_stdout || slot == plan.header->forward_stderr;
        for (uint32_t p = 0; p < plan.header->port_count; ++p)
            keep = keep || slot == plan.header->ports[p].listener_slot;
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
