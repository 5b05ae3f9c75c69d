// What crank-shim says of a start, in the order in which it may be said (shim/wire.h, Message).
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

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

class Handshake {
public:
    explicit Handshake(StepNames steps) : steps_(std::move(steps)) {}

    // A packet as it came. Errors: the step that failed, as explain_failure() says it; internal: no
    // packet at all (the shim is gone), one that is none, or one that may not come now. After an
    // error nothing is accepted any more.
    Result<shim::Packet> accept(std::span<const std::byte> bytes);

    Phase phase() const { return phase_; }
    const StepNames& steps() const { return steps_; }

private:
    Result<> move(const shim::Packet& packet);

    StepNames steps_;
    Phase phase_ = Phase::starting;
};

}  // namespace crank::runtime
