// The init of a container: PID 1, forwards signals to the worker and reaps orphans.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/kernel.h"
#include "shim/last_reader.h"
#include "shim/ops.h"

namespace crank::shim {
namespace {

// As a shell's exit status; the monitor reads the exact one from the shared page.
[[noreturn]] void leave(Shared* shared, int status) {
    shared->init_status = static_cast<uint32_t>(status);
    __atomic_store_n(&shared->init_status_valid, 1, __ATOMIC_RELEASE);
    _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

void pass_on(Shared* shared, int worker, const siginfo_t& info) {
    // Who has no number in this namespace is outside.
    shared->init_passed_from_inside = info.si_code <= 0 && info.si_pid > 0 ? 1 : 0;
    __atomic_store_n(&shared->init_passed_signal, static_cast<uint32_t>(info.si_signo),
                     __ATOMIC_RELEASE);
    kill(worker, info.si_signo);
}

// The host's number of a process that is reaped may be another's a moment later. Bounded: a monitor
// that is gone must not keep the container.
void wait_until_found(Shared* shared) {
    constexpr int kFutexWait = 0;
    timespec most{0, 100 * 1000 * 1000};
    if (__atomic_load_n(&shared->worker_found, __ATOMIC_ACQUIRE) == 0)
        syscall(SYS_futex, &shared->worker_found, kFutexWait, 0, &most, nullptr, 0);
}

void reap(Shared* shared, int worker) {
    while (true) {
        siginfo_t ended{};
        if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 || ended.si_pid == 0) return;
        if (ended.si_pid == worker) wait_until_found(shared);
        int status = 0;
        if (waitpid(ended.si_pid, &status, WNOHANG) == worker) leave(shared, status);
    }
}

// 0: the reader has something to do. Every signal is blocked and taken here: no handler, no race
// between looking and waiting.
int next_signal(LastReader& reader, siginfo_t& info) {
    sigset_t all;
    sigfillset(&all);
    int pause_ms = reader.pause_ms();
    timespec pause{0, pause_ms * 1000000L};
    int number = pause_ms < 0 ? sigwaitinfo(&all, &info) : sigtimedwait(&all, &info, &pause);
    bool told = number == LastReader::kSignal && info.si_code > 0;  // by the kernel
    if (number < 0 || told) reader.look();
    return number < 0 || told ? 0 : number;
}

[[noreturn]] void serve(Shared* shared, int worker, LastReader& reader) {
    while (true) {
        siginfo_t info{};
        int number = next_signal(reader, info);
        if (number == SIGCHLD) {
            reap(shared, worker);
            continue;
        }
        // Stop and continue of a terminal act on the group by themselves.
        if (number > 0 && number != SIGTTIN && number != SIGTTOU && number != SIGTSTP)
            pass_on(shared, worker, info);
    }
}

}  // namespace

int become_init(const PlanView& plan, const ChildIo& io) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    // Root in the container may not look into this process or at its executable's file. Before the
    // worker exists, which its own exec makes visible again.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
    // Whoever looks finds the name with the first process; the worker's own comes with its exec.
    prctl(PR_SET_NAME, "crank-init", 0, 0, 0);
    int worker = static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (worker < 0) return errno;
    if (worker == 0) {
        sigprocmask(SIG_SETMASK, &before, nullptr);
        // A group of its own, in the foreground of its terminal if it has one: so that Ctrl-C
        // reaches the worker and its children and not the init beside them.
        setpgid(0, 0);
        if ((plan.header->flags & kFlagTerminal) != 0) {
            signal(SIGTTOU, SIG_IGN);
            tcsetpgrp(0, getpid());
            signal(SIGTTOU, SIG_DFL);
        }
        return 0;
    }
    close(io.report_write);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; fd < 3; ++fd) {
        if (null >= 0)
            dup2(null, fd);
        else
            close(fd);
    }
    LastReader reader;
    reader.hold(io, &plan.header->shared);
    // The plan's text holds the environment, and the monitor acts on the rest, as the host's root:
    // what stays mapped here is the page with `shared`.
    Shared* shared = &plan.header->shared;
    auto* memory = reinterpret_cast<char*>(plan.header);
    size_t size = plan.header->size, behind = offsetof(Header, shared) + kPage;
    static_assert(offsetof(Header, shared) % kPage == 0 && sizeof(Shared) <= kPage);
    // Larger pages than that would take it along.
    if (sysconf(_SC_PAGESIZE) == kPage) {
        if (size > behind) munmap(memory + behind, size - behind);
        munmap(memory, offsetof(Header, shared));
    }
    serve(shared, worker, reader);
}

}  // namespace crank::shim
