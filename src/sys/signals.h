// Signals as data.
#pragma once

#include <csignal>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// Takes the given signals away from their handlers and queues them on a descriptor that can be
// polled. What is queued and not taken is delivered when it goes out of scope.
class SignalQueue {
public:
    static Result<SignalQueue> open(std::initializer_list<int> numbers);
    SignalQueue(SignalQueue&&) noexcept = default;
    SignalQueue& operator=(SignalQueue&&) = delete;
    ~SignalQueue();

    int fd() const { return fd_.get(); }
    // The next one; nothing when none waits.
    Result<std::optional<int>> next();

private:
    SignalQueue(UniqueFd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}
    UniqueFd fd_;
    sigset_t before_;
};

// A write to a pipe without a reader is an error of that write and not the end of the program.
void ignore_broken_pipe();

// "TERM", "SIGTERM", "sigterm", "15", "RTMIN+3"; nothing for other words.
std::optional<int> signal_number(std::string_view name);
// "SIGTERM"; a number where there is no name.
std::string signal_name(int number);
std::string signal_description(int number);  // "bad system call"

// To every process of a group (kill(2) with -group). not_found: it has none any more.
Result<> signal_group(int group, int number);

}  // namespace crank::sys
