// What crank-shim says of a start, in the order in which it may be said (shim/wire.h, Message).
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "base/error.h"
#include "runtime/shim_process.h"
#include "shim/wire.h"

namespace crank::runtime {

enum class Phase : std::uint8_t {
    starting,  // nothing was said, but for a terminal
    waiting,   // the first process has reached a point where it waits
    running,   // it executes its program
    ended,     // it has ended, or never came to run
};

// Where the first process waits.
enum class Point : std::uint8_t {
    created,   // for its start
    hooks,     // for the hooks of its creation
    listener,  // with the listener of its filter, for whoever answers that
};
// The steps at which it waits for something else than its start; nothing: there is no such step.
struct Waits {
    std::optional<std::uint64_t> hooks = {}, listener = {};
};

class Handshake {
public:
    explicit Handshake(StepNames steps, Waits waits = {})
        : steps_(std::move(steps)), waits_(waits) {}

    // A packet as it came. Errors: the step that failed, as explain_failure() says it; internal: no
    // packet at all (the shim is gone), one that is none, or one that may not come now. After an
    // error nothing is accepted any more.
    Result<shim::Packet> accept(std::span<const std::byte> bytes);

    Phase phase() const { return phase_; }
    // What the step is that was reached last; Phase::waiting alone.
    Point point() const;
    const StepNames& steps() const { return steps_; }

private:
    Result<> move(const shim::Packet& packet);

    StepNames steps_;
    Waits waits_;
    std::optional<std::uint64_t> reached_;  // the last step of those; the next lies behind it
    Phase phase_ = Phase::starting;
};

}  // namespace crank::runtime
