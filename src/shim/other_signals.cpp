#include "shim/other_signals.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "shim/kernel.h"
#include "shim/other_command.h"

namespace crank::shim {
namespace {

constexpr int kDeadlineMs = 10 * 1000;
// One that is at its end when the container has ended may come to it.
constexpr int kLastMs = 1000;
constexpr int kFailed = 127;

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1000000;
}

uint64_t bit_of(int number) { return uint64_t{1} << (number - 1); }

}  // namespace

void OtherSignals::begin(const PlanView& plan, Loop& loop, int container) {
    plan_ = &plan;
    loop_ = &loop;
    container_ = container;
    command_.signals = this;
    command_.handle = on_command_end;
}

void OtherSignals::send(int number) {
    if (plan_ == nullptr || number < 1 || number > 64) return;
    waiting_ |= bit_of(number);
    start_next();
}

void OtherSignals::start_next() {
    while (command_.pid < 0 && waiting_ != 0) {
        number_ = (waiting_ & bit_of(SIGKILL)) != 0 ? SIGKILL : __builtin_ctzll(waiting_) + 1;
        waiting_ &= ~bit_of(number_);
        char text[16];
        snprintf(text, sizeof text, "%d", number_);
        const OtherRuntime& other = plan_->header->other;
        command_.pid = start_command(*plan_, other.kill, other.kill_words, text);
        if (command_.pid < 0) {
            finish(kFailed);
            continue;
        }
        until_ms_ = now_ms() + kDeadlineMs;
        command_.fd = pidfd_open(command_.pid);
        // Without a descriptor its end is looked for when its time is over.
        if (command_.fd >= 0) loop_->add(&command_, EPOLLIN);
    }
}

// What nobody passes on is sent to the process that is known, where that is what it means.
void OtherSignals::finish(int code) {
    command_.pid = -1;
    if (code != 0 && number_ == SIGKILL) pidfd_send_signal(container_, SIGKILL);
}

void OtherSignals::stop_watching() {
    if (command_.fd < 0) return;
    loop_->remove(&command_);
    close(command_.fd);
    command_.fd = -1;
}

void OtherSignals::on_command_end(Watcher* self, uint32_t) {
    auto& signals = *static_cast<Command*>(self)->signals;
    signals.stop_watching();
    signals.finish(end_command(signals.command_.pid, Ending::by_itself));
    signals.start_next();
}

int OtherSignals::act() {
    if (command_.pid < 0) return -1;
    int64_t left = until_ms_ - now_ms();
    if (left > 0) return static_cast<int>(left);
    stop_watching();
    finish(end_command(command_.pid, Ending::killed));
    start_next();
    return command_.pid < 0 ? -1 : kDeadlineMs;
}

void OtherSignals::end() {
    waiting_ = 0;
    if (command_.pid < 0) return;
    pollfd waiter{command_.fd, POLLIN, 0};
    bool ended = command_.fd >= 0 && poll(&waiter, 1, kLastMs) > 0;
    stop_watching();
    end_command(command_.pid, ended ? Ending::by_itself : Ending::killed);
    command_.pid = -1;
}

}  // namespace crank::shim
