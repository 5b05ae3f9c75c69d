#include "shim/monitor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "shim/adoption.h"
#include "shim/begin.h"
#include "shim/callers_groups.h"
#include "shim/cleanup.h"
#include "shim/end.h"
#include "shim/guard.h"
#include "shim/health.h"
#include "shim/kernel.h"
#include "shim/log.h"
#include "shim/loop.h"
#include "shim/name_service.h"
#include "shim/names.h"
#include "shim/other_runtime.h"
#include "shim/other_signals.h"
#include "shim/records.h"
#include "shim/relay.h"
#include "shim/restart.h"
#include "shim/start.h"
#include "shim/streams.h"
#include "shim/udp_relay.h"

inline void* operator new(size_t, void* place) noexcept { return place; }

namespace crank::shim {
namespace {

// How long after the worker's end its output pipes may stay open, held by processes it left behind
// (a native worker's; in a container they died with PID 1).
constexpr int kDrainMs = 200;

struct Monitor {
    PlanView& plan;
    Kept& kept;
    Loop loop;
    Log log;
    Stream out, err;
    Relay relay{loop};
    UdpRelay datagrams{loop};
    NameService names{loop};
    char networks_file[4096];
    HealthSchedule health;
    OtherSignals signals;
    uint32_t caller_signal = 0;  // the last one that the caller sent
    struct Control : Watcher {
        Monitor* monitor;
    } control;
    struct Exited : Watcher {
        Monitor* monitor;
        bool seen = false;
    } exited;
    struct Guard : Watcher {
        int pid = -1;
        bool gone = false;
    } guard;
    struct Locker : Watcher {
        Monitor* monitor;
    } locker;

    Monitor(PlanView& p, Kept& k) : plan(p), kept(k) {}
};

// Whether this process is the monitor from here on, in the place of one that was killed.
enum class Place { same, successor };

void pass_signal(Monitor& monitor, int number) {
    if (is_of_other_runtime(monitor.plan))
        monitor.signals.send(number);
    else
        pidfd_send_signal(monitor.exited.fd, number);
}

void on_control(Watcher* self, uint32_t events) {
    auto& monitor = *static_cast<Monitor::Control*>(self)->monitor;
    Packet packet{};
    ssize_t n = recv(self->fd, &packet, sizeof packet, MSG_DONTWAIT);
    if (n == static_cast<ssize_t>(sizeof packet) && packet.message == Message::signal) {
        monitor.caller_signal = static_cast<uint32_t>(packet.a);
        pass_signal(monitor, static_cast<int>(packet.a));
        return;
    }
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR) && (events & EPOLLHUP) == 0)) return;
    // The caller is gone.
    monitor.loop.remove(self);
    close(self->fd);
    self->fd = -1;
    monitor.out.forget_caller();
    monitor.err.forget_caller();
    if (has(monitor.plan, kFlagEndWithCaller)) pidfd_send_signal(monitor.exited.fd, SIGKILL);
}

void on_exit(Watcher* self, uint32_t) {
    auto& exited = *static_cast<Monitor::Exited*>(self);
    exited.seen = true;
    exited.monitor->loop.remove(self);
}

void on_guard_end(Watcher* self, uint32_t) { static_cast<Monitor::Guard*>(self)->gone = true; }

// Beside the worker's start: dropping a mount namespace waits for the kernel.
void on_locker_end(Watcher* self, uint32_t) {
    auto& locker = *static_cast<Monitor::Locker*>(self);
    locker.monitor->loop.remove(self);
    close(self->fd);
    int status;
    while (waitpid(locker.monitor->kept.locker, &status, 0) < 0 && errno == EINTR) {}
    locker.monitor->kept.locker = -1;
}

// Of a detached container: what has a caller ends with that one, or is told to it.
bool is_guarded(const PlanView& plan, const Kept& kept) {
    if (kept.pidfd < 0) return false;  // it has ended
    if (kept.adopted) return true;
    return plan.header->role == Role::monitor && !has(plan, kFlagEndWithCaller) &&
           plan.header->forward_stdout < 0 && plan.header->forward_stderr < 0;
}

// Where a caller's outputs are forwarded to. One that adopts the container has none.
int forward_to(const Monitor& monitor, int32_t slot) {
    return monitor.kept.adopted ? -1 : PlanView::slot(slot);
}

Place guard(Monitor& monitor) {
    if (!is_guarded(monitor.plan, monitor.kept)) return Place::same;
    int pid = start_guard(monitor.plan, monitor.kept, monitor.guard.fd);
    if (pid == 0) return Place::successor;
    monitor.guard.pid = pid;
    monitor.guard.gone = false;
    monitor.guard.handle = on_guard_end;
    if (monitor.guard.fd >= 0) monitor.loop.add(&monitor.guard, EPOLLIN);
    return Place::same;
}

void drop_guard(Monitor& monitor) {
    if (monitor.guard.pid <= 0) return;
    if (monitor.guard.fd >= 0) {
        monitor.loop.remove(&monitor.guard);
        close(monitor.guard.fd);
    }
    end_guard(monitor.guard.pid);
    monitor.guard.fd = monitor.guard.pid = -1;
}

int open_streams(Monitor& monitor) {
    int terminal = monitor.kept.terminal;
    int forward_out = forward_to(monitor, monitor.plan.header->forward_stdout);
    int forward_err = forward_to(monitor, monitor.plan.header->forward_stderr);
    int first = terminal >= 0 ? terminal : monitor.kept.out;
    if (first < 0) return 0;  // join: the process writes straight to the caller's pipes
    fcntl(first, F_SETFL, O_NONBLOCK);
    if (int error = monitor.out.open(monitor.loop, monitor.log, first, 1, forward_out); error != 0)
        return error;
    if (terminal >= 0) return 0;
    if (monitor.kept.err < 0) return 0;
    fcntl(monitor.kept.err, F_SETFL, O_NONBLOCK);
    return monitor.err.open(monitor.loop, monitor.log, monitor.kept.err, 2, forward_err);
}

// What is too long for a datagram goes straight to the first name server that can be reached so.
void serve_names(Monitor& monitor) {
    constexpr uint16_t kDomain = 53;
    constexpr uint32_t kMostQuestions = 64;  // at once over TCP: whoever asks is the container
    const Header& header = *monitor.plan.header;
    const Resolver& resolver = header.resolver;
    snprintf(monitor.networks_file, sizeof monitor.networks_file, "%s/%s",
             monitor.plan.text(header.state_dir), kNetworksFile);
    monitor.names.open(PlanView::slot(resolver.udp_slot), resolver, monitor.networks_file);
    for (uint32_t i = 0; i < resolver.server_count; ++i) {
        if (resolver.servers[i].family != AF_INET) continue;
        uint32_t address;
        memcpy(&address, resolver.servers[i].address, sizeof address);
        monitor.relay.listen_if(PlanView::slot(resolver.tcp_slot), address, kDomain, asks_others,
                                monitor.networks_file, kMostQuestions);
        break;
    }
}

void watch(Monitor& monitor) {
    monitor.control.monitor = &monitor;
    monitor.control.handle = on_control;
    if (!monitor.kept.adopted) {
        monitor.control.fd = kControlFd;
        monitor.loop.add(&monitor.control, EPOLLIN);
    }
    monitor.exited.monitor = &monitor;
    monitor.exited.handle = on_exit;
    monitor.exited.fd = monitor.kept.pidfd;
    if (monitor.kept.pidfd >= 0)
        monitor.loop.add(&monitor.exited, EPOLLIN);
    else
        monitor.exited.seen = true;
    if (monitor.kept.locker > 0 && !monitor.kept.adopted) {
        monitor.locker.monitor = &monitor;
        monitor.locker.handle = on_locker_end;
        monitor.locker.fd = pidfd_open(monitor.kept.locker);
        if (monitor.locker.fd >= 0) monitor.loop.add(&monitor.locker, EPOLLIN);
    }
    for (uint32_t i = 0; i < monitor.plan.header->port_count; ++i) {
        const Port& port = monitor.plan.header->ports[i];
        if ((monitor.kept.ports >> i & 1) == 0) continue;
        int slot = PlanView::slot(port.listener_slot);
        if (port.udp != 0)
            monitor.datagrams.listen(slot, port.ipv4, port.port);
        else
            monitor.relay.listen(slot, port.ipv4, port.port);
    }
    if (monitor.kept.resolves) serve_names(monitor);
}

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// Of two waits in milliseconds; -1: for ever.
int earlier(int one, int other) {
    if (one < 0 || other < 0) return one < 0 ? other : one;
    return one < other ? one : other;
}

Place serve_until_exit(Monitor& monitor) {
    while (!monitor.exited.seen) {
        monitor.loop.run_once(earlier(monitor.health.act(), monitor.signals.act()));
        monitor.relay.sweep();
        if (!monitor.guard.gone) continue;
        drop_guard(monitor);
        if (guard(monitor) == Place::successor) return Place::successor;
    }
    monitor.health.end();
    monitor.signals.end();
    // It holds the ports too.
    drop_guard(monitor);
    // Before anybody hears of the end: whoever waited for it may start the next on the same port.
    monitor.relay.stop_listening();
    monitor.datagrams.stop_listening();
    monitor.names.close();
    // What was written before the end is still in the pipes.
    int64_t deadline = now_ms() + kDrainMs;
    while (monitor.out.source_open() || monitor.err.source_open()) {
        bool waits = monitor.out.waits_for_caller() || monitor.err.waits_for_caller();
        int64_t left = deadline - now_ms();
        if (left <= 0 && !waits) break;
        monitor.loop.run_once(waits ? -1 : static_cast<int>(left));
    }
    // The last bytes may still wait for the caller when their pipe has ended.
    while (monitor.control.fd >= 0 &&
           (monitor.out.waits_for_caller() || monitor.err.waits_for_caller()))
        monitor.loop.run_once(-1);
    monitor.log.flush();
    return Place::same;
}

bool has_init(const PlanView& plan) {
    for (uint32_t i = 0; i < plan.header->op_count; ++i)
        if (plan.op(i).kind == OpKind::init) return true;
    return false;
}

// As wait(2) says it; -1: nobody knows.
int final_status(const Monitor& monitor) {
    int status = -1;
    if (!monitor.kept.adopted)
        while (waitpid(monitor.kept.child, &status, 0) < 0 && errno == EINTR) {}
    const Shared& shared = monitor.plan.header->shared;
    if (__atomic_load_n(&shared.init_status_valid, __ATOMIC_ACQUIRE) != 0)
        return static_cast<int>(shared.init_status);
    if (!monitor.kept.adopted) return status;
    // An init ends without a word by SIGKILL alone.
    return has_init(monitor.plan) ? SIGKILL : status_of_other(monitor.kept.pidfd);
}

Exit collect(const Monitor& monitor, int status) {
    const Shared& shared = monitor.plan.header->shared;
    End end{.status = status,
            .worker_known = __atomic_load_n(&shared.init_status_valid, __ATOMIC_ACQUIRE) != 0,
            .first_pid = monitor.kept.child,
            .worker_pid = monitor.kept.worker,
            .caller_signal = monitor.caller_signal};
    Exit exit;
    if (WIFSIGNALED(status)) {
        exit.signal = static_cast<uint32_t>(WTERMSIG(status));
        exit.code = 128 + exit.signal;
    } else {
        exit.code = static_cast<uint32_t>(WEXITSTATUS(status));
    }
    exit.oom_killed = record_end(monitor.plan, end);
    exit.finished_ns = realtime_ns();
    return exit;
}

void tell_exit(const Exit& exit) {
    Packet packet{Message::exited};
    packet.a = exit.code;
    packet.b = exit.signal | (exit.oom_killed ? uint64_t{1} << 32 : 0);
    packet.c = exit.finished_ns;
    send_packet(packet);
}

void open_monitor(Monitor& monitor) {
    const Header& header = *monitor.plan.header;
    if (monitor.loop.open() != 0) {
        // Without it nothing would ever be seen. Whoever has been joined has its own monitor; a
        // container is adopted by the next command.
        if (header.role == Role::join) pidfd_send_signal(monitor.kept.pidfd, SIGKILL);
        _exit(1);
    }
    const char* log_path = header.log_path != 0 ? monitor.plan.text(header.log_path) : nullptr;
    monitor.log.open(log_path, header.log_max_bytes, header.log_max_files);
    monitor.log.obey(&header.shared.orders);
    watch(monitor);
    if (header.role == Role::monitor) open_streams(monitor);
    if (!monitor.kept.left_callers_groups) leave_callers_cgroups(monitor.plan);
    monitor.kept.left_callers_groups = true;
    tell_lost_output(monitor.plan, monitor.log);
    monitor.signals.begin(monitor.plan, monitor.loop, monitor.kept.pidfd);
    if (!monitor.exited.seen)
        monitor.health.begin(monitor.plan, monitor.loop, monitor.kept.started_ns);
}

// -1: it is not started again.
int delay_until_restart(const PlanView& plan, const Kept& kept, const Exit& exit) {
    if (plan.header->role != Role::monitor || plan.header->state_dir == 0) return -1;
    return restart_delay(*plan.header, exit.code, realtime_ns() - kept.started_ns);
}

void watch_to_the_end(PlanView& plan, Kept& kept) {
    alignas(Monitor) static char space[sizeof(Monitor)];  // 32 KiB of buffers
    Monitor* monitor;
    while (true) {
        monitor = new (space) Monitor(plan, kept);
        open_monitor(*monitor);
        if (guard(*monitor) == Place::same && serve_until_exit(*monitor) == Place::same) break;
        kept.adopted = true;
        record_state(plan, kept.child, kept.started_ns);
    }
    int status = final_status(*monitor);
    Exit exit;
    bool recorded = is_recorded(plan, exit.code);
    if (status >= 0 && !recorded) exit = collect(*monitor, status);
    int delay = delay_until_restart(plan, kept, exit);
    // Before the exit: nobody is to see a container that has ended for good.
    if (delay >= 0) record_restarting(plan, delay);
    if (status >= 0 && !recorded) record_exit(plan, exit);
    // Its number may be a connection's by now.
    if (monitor->control.fd >= 0) tell_exit(exit);
    // The caller may go now; what follows costs time that is nobody's.
    if (kept.mount_namespace >= 0) close(kept.mount_namespace);
    bool led = services_lead_to(plan);
    bool clean = clean_up(plan);
    // Its address is given back: what comes is not to be led there, also while it waits.
    if (led) tell_of_end(plan);
    if (delay >= 0) {
        wait_and_restart(plan, delay);
        remove_restarting(plan);
    }
    // Otherwise the next command starts another that tries again.
    if (!clean) return;
    // With --rm its directory is gone by now.
    if (removes_itself(plan) && !is_kept(plan)) record_event(plan, "destroy", "{}");
    remove_plan(plan);
}

}  // namespace

void run_monitor(PlanView& plan) {
    Kept kept;
    kept.plan = lock_plan(plan);
    if (begin(plan, kept)) watch_to_the_end(plan, kept);
}

void run_adopter(PlanView& plan, int pid, uint64_t started_ns) {
    Kept kept;
    kept.child = pid;
    kept.started_ns = started_ns;
    if (!adopt(plan, kept)) return;
    watch_to_the_end(plan, kept);
}

}  // namespace crank::shim
