// Input, signals and the window's size for a container that runs already. Its output is what its
// monitor logs: see engine/logs.h.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "base/error.h"
#include "engine/local/detach_keys.h"
#include "engine/state.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

// Where its input is written to: its terminal, or the pipe that it reads. Errors: unsupported where
// that is out of reach.
Result<sys::UniqueFd> open_input(const Container& container);

struct Pump {
    State state;                              // whom signals go to
    int from = -1;                            // the caller's input; -1: none
    sys::UniqueFd to;                         // open_input()
    int caller_terminal = -1;                 // whose size the worker's follows; -1: none
    std::optional<sys::SignalQueue> signals;  // nothing: they are the caller's own
    DetachKeys keys;
    sys::UniqueFd stopped;  // closed when it ends by the detach keys
    std::atomic<bool> detached = false;
};
// In a thread of its own, which may live as long as the process: a worker that does not read must
// not keep its caller.
void start_pump(std::shared_ptr<Pump> pump);

}  // namespace crank::engine::local
