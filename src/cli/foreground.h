// A worker in the foreground: what `run` and `start -a` have in common.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/local/start.h"
#include "sys/signals.h"

namespace crank::cli {

// "127.0.0.1:8501 -> 8501, [::1]:8501 -> 8501"
std::string listeners_text(const std::vector<engine::PublishedPort>& ports);
// Of the caller's terminal.
void set_size(engine::local::StartRequest& request);

struct Foreground {
    bool input = false, terminal = false;
};
// Until it ends: its exit code.
Result<int> attend_foreground(engine::local::Started& started, const Foreground& how,
                              sys::SignalQueue& signals);

}  // namespace crank::cli
