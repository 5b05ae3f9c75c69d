#include "shim/health.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shim/kernel.h"
#include "shim/records.h"

namespace crank::shim {
namespace {

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

// Text begins so while no probe has decided anything; see engine/health_state.h.
bool is_starting(const PlanView& plan) {
    constexpr char kStarting[] = "{\"Status\":\"starting\"";
    char path[4096], text[sizeof kStarting];
    snprintf(path, sizeof path, "%s/health", plan.text(plan.header->state_dir));
    return !read_text(path, text, sizeof text) || strcmp(text, kStarting) == 0;
}

bool is_paused(const PlanView& plan) {
    char path[4096];
    snprintf(path, sizeof path, "%s/paused", plan.text(plan.header->state_dir));
    return access(path, F_OK) == 0;
}

// In a child of fork(2), which shares nothing with the monitor but its open files.
[[noreturn]] void execute(const PlanView& plan) {
    close_range(3, ~0u, 0);
    char* words[kMaxHealthWords + 1];
    uint32_t count = 0;
    const char* word = plan.text(plan.header->health_command);
    for (; count < kMaxHealthWords && count < plan.header->health_words; word += strlen(word) + 1)
        words[count++] = const_cast<char*>(word);
    words[count] = nullptr;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(words[0], words);
    _exit(127);
}

}  // namespace

void HealthSchedule::begin(const PlanView& plan, Loop& loop, uint64_t started_ns) {
    const Header& header = *plan.header;
    if (header.health_words == 0 || header.state_dir == 0 || header.role != Role::monitor) return;
    plan_ = &plan;
    loop_ = &loop;
    started_ns_ = started_ns;
    probe_.schedule = this;
    probe_.handle = on_probe_end;
    schedule();
}

void HealthSchedule::end() {
    if (plan_ != nullptr && probe_.fd >= 0) {
        loop_->remove(&probe_);
        close(probe_.fd);
        probe_.fd = -1;
    }
    plan_ = nullptr;
}

uint32_t HealthSchedule::pause_ms() const {
    const Header& header = *plan_->header;
    uint64_t lived_ms = (realtime_ns() - started_ns_) / 1000000u;
    bool early = lived_ms < header.health_start_period_ms && is_starting(*plan_);
    uint32_t pause = early ? header.health_start_interval_ms : header.health_interval_ms;
    return pause == 0 ? 1 : pause;
}

void HealthSchedule::schedule() { next_ms_ = now_ms() + pause_ms(); }

int HealthSchedule::act() {
    if (plan_ == nullptr) return -1;
    int64_t now = now_ms();
    if (now >= next_ms_) {
        if (probe_.pid > 0) {
            // Our own child, not reaped yet: the number is its alone.
            if (!killed_) kill(probe_.pid, SIGKILL);
            killed_ = true;
            if (probe_.fd < 0) reap();
        } else if (is_paused(*plan_)) {
            schedule();
        } else {
            start_probe();
        }
    }
    if (killed_) return -1;  // until its end is seen
    constexpr int64_t kMost = 1000 * 60 * 60;
    int64_t left = next_ms_ - now_ms();
    return static_cast<int>(left < 0 ? 0 : left < kMost ? left : kMost);
}

void HealthSchedule::start_probe() {
    int pid = static_cast<int>(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    if (pid == 0) execute(*plan_);
    if (pid < 0) return schedule();  // out of processes: another time
    probe_.pid = pid;
    probe_.fd = pidfd_open(pid);
    killed_ = false;
    next_ms_ = now_ms() + plan_->header->health_deadline_ms;
    // Without a descriptor its end is looked for when its time is over.
    if (probe_.fd >= 0) loop_->add(&probe_, EPOLLIN);
}

void HealthSchedule::reap() {
    int status;
    while (waitpid(probe_.pid, &status, 0) < 0 && errno == EINTR) {}
    probe_.pid = -1;
    killed_ = false;
    schedule();
}

void HealthSchedule::on_probe_end(Watcher* self, uint32_t) {
    auto& probe = *static_cast<Probe*>(self);
    probe.schedule->loop_->remove(self);
    close(probe.fd);
    probe.fd = -1;
    probe.schedule->reap();
}

}  // namespace crank::shim
