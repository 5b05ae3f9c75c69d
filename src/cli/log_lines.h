// Lines of several logs on one terminal.
#pragma once

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

}  // namespace crank::cli
