#include "shim/guard.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "shim/kernel.h"

namespace crank::shim {
namespace {

constexpr int kMostKept = 18 + static_cast<int>(kMaxPorts);

struct Numbers {
    int fd[kMostKept];
    int count = 0;

    // Sorted, each once.
    void add(int number) {
        if (number < 0) return;
        int at = count;
        while (at > 0 && fd[at - 1] >= number) --at;
        if (at < count && fd[at] == number) return;
        for (int i = count; i > at; --i) fd[i] = fd[i - 1];
        fd[at] = number;
        ++count;
    }
};

// Everything else is the monitor's alone: the caller's socket and what it forwards to would never
// end, and neither would connections.
void close_others(const PlanView& plan, const Kept& kept, int monitor) {
    Numbers numbers;
    const int kept_fds[] = {0,
                            1,
                            2,
                            monitor,
                            kept.out,
                            kept.err,
                            kept.terminal,
                            kept.pidfd,
                            kept.mount_namespace,
                            kept.held,
                            kept.held_too,
                            kept.life,
                            kept.plan};
    for (int fd : kept_fds) numbers.add(fd);
    for (uint32_t i = 0; i < plan.header->port_count; ++i)
        if ((kept.ports >> i & 1) != 0)
            numbers.add(PlanView::slot(plan.header->ports[i].listener_slot));
    if (kept.resolves) {
        numbers.add(PlanView::slot(plan.header->resolver.udp_slot));
        numbers.add(PlanView::slot(plan.header->resolver.tcp_slot));
    }
    for (int i = 0; i < numbers.count; ++i) {
        unsigned first = static_cast<unsigned>(numbers.fd[i]) + 1;
        unsigned last = i + 1 < numbers.count ? static_cast<unsigned>(numbers.fd[i + 1]) - 1 : ~0u;
        if (first <= last) close_range(first, last, 0);
    }
}

void wait_for(int pidfd) {
    pollfd waiter{pidfd, POLLIN, 0};
    while (poll(&waiter, 1, -1) < 0 || waiter.revents == 0) {}
}

}  // namespace

int start_guard(const PlanView& plan, const Kept& kept, int& pidfd) {
    // Opened before the fork: afterwards it could be another's number.
    int monitor = pidfd_open(getpid());
    if (monitor < 0) return -1;
    int pid = static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) {
        prctl(PR_SET_NAME, "crank-guard", 0, 0, 0);
        close_others(plan, kept, monitor);
        wait_for(monitor);
        prctl(PR_SET_NAME, "crank-monitor", 0, 0, 0);
    } else if (pid > 0) {
        pidfd = pidfd_open(pid);
    }
    close(monitor);
    return pid;
}

void end_guard(int pid) {
    if (pid <= 0) return;
    kill(pid, SIGKILL);
    int status;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
}

int status_of_other(int pidfd) {
    // linux/pidfd.h, since Linux 6.15; its first form is of 64 bytes.
    struct Info {
        uint64_t mask, cgroup;
        uint32_t ids[11];
        int32_t exit_code;
    };
    static_assert(sizeof(Info) == 64);
    constexpr uint64_t kExit = 8;
    constexpr int kMostPauses = 900;
    // Whoever it belongs to now reaps it in a moment.
    for (int i = 0; i < kMostPauses; ++i) {
        Info info{};
        info.mask = kExit;
        if (ioctl(pidfd, _IOWR(0xff, 11, Info), &info) != 0) return -1;
        if ((info.mask & kExit) != 0) return info.exit_code;
        timespec pause{0, 5 * 1000 * 1000};
        nanosleep(&pause, nullptr);
    }
    return -1;
}

}  // namespace crank::shim
