// Waiting for containers. Internal.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "base/error.h"
#include "deploy/apply.h"

namespace crank::deploy {

enum class Awaited : std::uint8_t {
    healthy,    // and it must have a health check
    completed,  // with exit code 0
    ready,      // it runs and goes on to, and is healthy where it has a health check
    proved,     // the same of one that is new: it was never started again
};

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// One container. `what` begins the error: "dependency failed to start".
Result<void> wait_for_container(const World& world, const std::string& id, Awaited awaited,
                                const std::string& what, Deadline deadline);
// Every container of a service.
Result<void> wait_for_service(const World& world, const std::string& service, Awaited awaited,
                              const std::string& what, Deadline deadline);

// How long a service may take to become ready.
std::chrono::milliseconds budget_of(const World& world, const std::string& service);

bool is_cancelled(const World& world);
// Error: cancelled.
Result<void> pause_for(const World& world, std::chrono::milliseconds time);

}  // namespace crank::deploy
