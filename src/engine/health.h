// A container's health check, from the probe to what follows.
#pragma once

#include <chrono>
#include <optional>

#include "base/error.h"
#include "engine/health_state.h"
#include "engine/state.h"

namespace crank::engine {

enum class CheckedBy : std::uint8_t {
    person,   // waits for a probe that is under way
    monitor,  // leaves it to that one
    waiter,  // wants to know of a pass before its time comes: leaves it to that one, a failure does
             // not count, is no status, and what does not end within kMostWaiting is left to the
             // monitor
};
inline constexpr std::chrono::seconds kMostWaiting(2);

struct CheckedHealth {
    HealthStatus status = HealthStatus::starting;
    ProbeResult result;
};

// Probes it once, records the result, tells the event where its health changes, and restarts or
// stops what has become unhealthy where --on-unhealthy says so. Nothing: the container has ended,
// was paused, or is another by now; somebody else is at it; or it failed, of a waiter's. Errors:
// failed_precondition (it does not run, or has no health check).
Result<std::optional<CheckedHealth>> check_health(const Paths& paths, const Container& container,
                                                  CheckedBy by);

}  // namespace crank::engine
