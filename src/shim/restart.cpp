#include "shim/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/ended.h"
#include "shim/kernel.h"
#include "shim/names.h"
#include "shim/ops.h"

namespace crank::shim {
namespace {

constexpr int kFutexWait = 0;

uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

bool stays_ended(const PlanView& plan) {
    uint32_t orders = __atomic_load_n(&plan.header->shared.orders, __ATOMIC_ACQUIRE);
    return (orders & kOrderStayEnded) != 0;
}

// False: it is to stay ended.
bool wait_out(const PlanView& plan, int delay_ms) {
    uint64_t end = monotonic_ns() + static_cast<uint64_t>(delay_ms) * 1000000u;
    while (!stays_ended(plan)) {
        uint64_t now = monotonic_ns();
        if (now >= end) return true;
        uint64_t left = end - now;
        timespec pause{static_cast<time_t>(left / 1000000000u),
                       static_cast<long>(left % 1000000000u)};
        uint32_t orders = __atomic_load_n(&plan.header->shared.orders, __ATOMIC_ACQUIRE);
        if ((orders & kOrderStayEnded) != 0) return false;
        syscall(SYS_futex, &plan.header->shared.orders, kFutexWait, orders, &pause, nullptr, 0);
    }
    return false;
}

}  // namespace

void record_restarting(const PlanView& plan, int delay_ms) {
    char text[128];
    int self = getpid();
    uint64_t at = realtime_ns() + static_cast<uint64_t>(delay_ms) * 1000000u;
    snprintf(text, sizeof text, "%d %llu %u %llu\n", self, start_time_of(self),
             plan.header->restart_count + 1, static_cast<unsigned long long>(at));
    write_record(plan, "restarting", text);
}

void remove_restarting(const PlanView& plan) {
    char path[4096];
    snprintf(path, sizeof path, "%s/restarting", plan.text(plan.header->state_dir));
    unlink(path);
}

namespace {

// Every descriptor is closed by then: callers wait for the end of some of these, and the next start
// binds the same ports. Returns where it cannot be executed.
void execute(const PlanView& plan, const char* last) {
    char* words[kMaxRestartWords + 2];
    uint32_t count = 0;
    const char* word = plan.text(plan.header->restart_command);
    for (; count < kMaxRestartWords && count < plan.header->restart_words; word += strlen(word) + 1)
        words[count++] = const_cast<char*>(word);
    if (count == 0) return;
    words[count++] = const_cast<char*>(last);
    words[count] = nullptr;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(words[0], words);
}

}  // namespace

void wait_and_restart(const PlanView& plan, int delay_ms) {
    close_range(3, ~0u, 0);
    if (!wait_out(plan, delay_ms)) return;
    char delay[16];
    snprintf(delay, sizeof delay, "%d", delay_ms);
    execute(plan, delay);
}

bool services_lead_to(const PlanView& plan) {
    if (plan.header->state_dir == 0) return false;
    char file[4096];
    const char* dir = plan.text(plan.header->state_dir);
    const char* slash = strrchr(dir, '/');
    int n = snprintf(file, sizeof file, "%s/%s", dir, kNetworksFile);
    return slash != nullptr && n < static_cast<int>(sizeof file) && is_led_to(file, slash + 1);
}

// Its parent ends at once, so that nobody has to wait for it.
void tell_of_end(const PlanView& plan) {
    int between = fork();
    if (between == 0) {
        if (fork() == 0) {
            close_range(3, ~0u, 0);
            execute(plan, kEnded);
        }
        _exit(0);
    }
    int status;
    while (between > 0 && waitpid(between, &status, 0) < 0 && errno == EINTR) {}
}

}  // namespace crank::shim
