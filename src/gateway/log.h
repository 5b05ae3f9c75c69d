// The log of the process, bounded: nobody reads it while it serves, and it lies in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace crank::gateway {

class Log {
public:
    static constexpr std::size_t kMost = 4 * 1024 * 1024;  // bytes in a process's life
    static constexpr std::size_t kLongest = 4096;          // of a line
    static constexpr std::int64_t kBurst = 100;            // lines at once
    static constexpr std::int64_t kRate = 20;              // and then a second

    // `clock`: milliseconds, never going back. `write`: one line without its end.
    using Clock = std::function<std::int64_t()>;
    using Write = std::function<void(const std::string&)>;
    Log(Clock clock, Write write);

    void line(const std::string& text);
    // How many lines were left out since the last one, if any. Before the process ends.
    void end();

private:
    void put(const std::string& text);
    void tell_left_out();

    Clock clock_;
    Write write_;
    std::int64_t credit_ = kBurst * 1000;  // thousandths of a line
    std::int64_t since_;
    std::uint64_t left_out_ = 0;
    std::size_t written_ = 0;
    bool full_ = false;
};

}  // namespace crank::gateway
