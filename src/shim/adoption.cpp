#include "shim/adoption.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shim/end.h"
#include "shim/kernel.h"
#include "shim/plan_lock.h"
#include "shim/records.h"
#include "shim/start.h"

namespace crank::shim {
namespace {

struct Path {
    char text[4096] = "";
};

Path path_of(const PlanView& plan, const char* name) {
    Path path;
    snprintf(path.text, sizeof path.text, "%s/%s", plan.text(plan.header->state_dir), name);
    return path;
}

bool has_file(const PlanView& plan) {
    return plan.header->role == Role::monitor && plan.header->state_dir != 0;
}

// Whoever asks whether a container is watched has the lock for a moment.
bool lock_soon(int fd) {
    constexpr int kMostTries = 50;
    for (int i = 0; i < kMostTries; ++i) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
        timespec pause{0, 10 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    return false;
}

int if_open(int fd) { return fcntl(fd, F_GETFD) >= 0 ? fd : -1; }

uint64_t inode_of(int fd) {
    struct stat info{};
    return fd >= 0 && fstat(fd, &info) == 0 ? info.st_ino : 0;
}

}  // namespace

int lock_plan(const PlanView& plan) {
    int fd = if_open(kPlanLockFd);
    if (fd < 0 || !has_file(plan)) return -1;
    // Of a start the caller has locked it: the lock belongs to the open file, which is one.
    if (lock_soon(fd)) return fd;
    close(fd);
    return -1;
}

int hold_mount_namespace(int pid) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

void remove_plan(const PlanView& plan) {
    if (has_file(plan)) unlink(path_of(plan, kPlanFile).text);
}

void forget_environment(const PlanView& plan) {
    for (uint32_t i = 0; i < plan.header->op_count; ++i) {
        const Op& op = plan.op(i);
        if (op.kind != OpKind::exec) continue;
        auto* entry = const_cast<char*>(plan.text(op.s2));
        for (uint64_t n = 0; n < op.b; ++n) {
            size_t length = strlen(entry);
            memset(entry, 0, length);
            entry += length + 1;
        }
    }
}

void note_streams(const PlanView& plan, const Kept& kept) {
    plan.header->shared.stream_inodes[0] = inode_of(kept.out);
    plan.header->shared.stream_inodes[1] = inode_of(kept.err);
}

void tell_lost_output(const PlanView& plan, Log& log) {
    uint64_t& lost = plan.header->shared.lost_bytes;
    if (lost == 0) return;
    char text[128];
    int n = snprintf(text, sizeof text, "crank: %llu bytes of output are lost: nobody watched\n",
                     static_cast<unsigned long long>(lost));
    log.write(2, text, static_cast<size_t>(n));
    lost = 0;
}

bool is_recorded(const PlanView& plan, uint32_t& code) {
    char text[128];
    if (!has_file(plan) || !read_text(path_of(plan, "exit").text, text, sizeof text)) return false;
    code = static_cast<uint32_t>(atoi(text));
    return true;
}

bool adopt(const PlanView& plan, Kept& kept) {
    kept.adopted = true;
    kept.plan = lock_plan(plan);
    if (kept.plan < 0) {
        send_packet(Packet{Message::failed});
        return false;
    }
    kept.pidfd = if_open(kAdoptedProcess);
    kept.out = if_open(kAdoptedOut);
    kept.err = if_open(kAdoptedErr);
    kept.terminal = if_open(kAdoptedTerminal);
    kept.life = if_open(kAdoptedLife);
    int held = PlanView::slot(static_cast<int32_t>(plan.header->slot_count));
    kept.held = if_open(held);
    kept.held_too = if_open(held + 1);
    for (uint32_t i = 0; i < plan.header->port_count; ++i)
        if (if_open(PlanView::slot(plan.header->ports[i].listener_slot)) >= 0)
            kept.ports |= uint64_t{1} << i;
    const Resolver& resolver = plan.header->resolver;
    kept.resolves = resolver.udp_slot >= 0 && if_open(PlanView::slot(resolver.udp_slot)) >= 0 &&
                    if_open(PlanView::slot(resolver.tcp_slot)) >= 0;
    if (kept.pidfd >= 0) {
        kept.mount_namespace = hold_mount_namespace(kept.child);
        kept.worker = find_worker(plan, kept.child);
        record_state(plan, kept.child, kept.started_ns);
    }
    Packet packet{Message::started};
    packet.a = static_cast<uint64_t>(kept.child);
    send_packet(packet);
    // Of one that has ended the caller waits until it is cleaned up.
    if (kept.pidfd >= 0) close(kControlFd);
    return true;
}

}  // namespace crank::shim
