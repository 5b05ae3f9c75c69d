// Lines of several logs on one terminal.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "base/error.h"
#include "engine/logs.h"

namespace crank::cli {

// Of one container. Several may print at once, each from a thread of its own.
class LogPrinter {
public:
    LogPrinter(bool timestamps, std::string prefix)
        : timestamps_(timestamps), prefix_(std::move(prefix)) {}

    Result<> print(const engine::LogLine& line);

private:
    bool timestamps_;
    std::string prefix_;
    bool begins_[2] = {true, true};  // of a line, in each stream
};

// So many logs, each by `print` with its index: what has been written stands in their order; with
// `follow` each by a thread of its own, since all of them go on. Errors are told: the exit code.
int print_logs(std::size_t count, bool follow, bool debug,
               const std::function<Result<>(std::size_t)>& print);

}  // namespace crank::cli
