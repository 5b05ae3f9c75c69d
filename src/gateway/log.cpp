#include "gateway/log.h"

#include <algorithm>
#include <utility>

namespace crank::gateway {

namespace {
constexpr std::size_t kBeside = 128;  // what is written before a line: the time, who writes
}

Log::Log(Clock clock, Write write)
    : clock_(std::move(clock)), write_(std::move(write)), since_(clock_()) {}

void Log::line(const std::string& text) {
    if (full_) return;
    const std::int64_t now = clock_();
    credit_ = std::min(credit_ + (now - std::exchange(since_, now)) * kRate, kBurst * 1000);
    if (credit_ < 1000) {
        ++left_out_;
        return;
    }
    credit_ -= 1000;
    tell_left_out();
    put(text.size() > kLongest ? text.substr(0, kLongest) + " ..." : text);
}

void Log::end() { tell_left_out(); }

void Log::tell_left_out() {
    if (left_out_ == 0) return;
    put(std::to_string(std::exchange(left_out_, 0)) + " lines were left out");
}

void Log::put(const std::string& text) {
    if (full_) return;
    // Room stays for the last one.
    full_ = written_ + text.size() + 2 * kBeside > kMost;
    const std::string last = "4 MiB are written: nothing more is logged until it is started again";
    const std::string& line = full_ ? last : text;
    written_ += line.size() + kBeside;
    write_(line);
}

}  // namespace crank::gateway
