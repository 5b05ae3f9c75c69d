// Waiting for containers. Internal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/apply.h"
#include "deploy/patience.h"
#include "engine/state.h"

namespace crank::deploy {

enum class Awaited : std::uint8_t {
    healthy,    // and it must have a health check
    completed,  // with exit code 0
    ready,      // it runs and goes on to, and is healthy where it has a health check
    proved,     // the same of one that is new: it was never started again
};

using Deadline = std::optional<std::chrono::steady_clock::time_point>;

// A container that becomes what is wanted, or not: for who looks again and again. `what` begins the
// error: "dependency failed to start".
class Waiting {
public:
    Waiting(const World& world, std::string id, Awaited awaited, std::string what,
            Deadline deadline)
        : world_(&world),
          id_(std::move(id)),
          awaited_(awaited),
          what_(std::move(what)),
          deadline_(deadline),
          patience_(deadline) {}

    // True: it is. Errors: failed_precondition (it will not be); deadline_exceeded.
    Result<bool> look();

private:
    // Which of its lives it is: with a restart policy one that fails runs again at each look.
    struct Life {
        std::int64_t started_at_ns = 0;
        int restarts = 0;
        bool operator==(const Life&) const = default;
    };
    static Life life_of(const engine::Container& container);
    Result<bool> judge(const engine::Container& container);
    bool ask(const engine::Container& container);
    std::string missing(const engine::Container& container) const;

    const World* world_;
    std::string id_;
    Awaited awaited_;
    std::string what_;
    Deadline deadline_;
    std::optional<Life> first_;
    std::chrono::steady_clock::time_point since_, next_look_;
    std::optional<std::chrono::steady_clock::time_point> next_ask_;
    Patience patience_;
    std::chrono::steady_clock::duration pause_{};  // between two questions
    std::string last_answer_;                      // of its health check, one that failed
};

// All containers that a service has at the first look.
class ServiceWaiting {
public:
    ServiceWaiting(const World& world, std::string service, Awaited awaited, std::string what)
        : world_(&world), service_(std::move(service)), awaited_(awaited), what_(std::move(what)) {}
    // As Waiting.
    Result<bool> look();

private:
    const World* world_;
    std::string service_;
    Awaited awaited_;
    std::string what_;
    std::optional<std::vector<Waiting>> all_;
};

// Whether one that has proved itself still goes on. Error: failed_precondition.
Result<void> check_proved(const engine::Container& container, const std::string& what);

// Looks until it is true. Errors: cancelled, and those of `look`.
Result<void> wait_until(const World& world, const std::function<Result<bool>()>& look);

// How long a service may take to become ready.
std::chrono::milliseconds budget_of(const World& world, const std::string& service);

bool is_cancelled(const World& world);
// Error: cancelled.
Result<void> pause_for(const World& world, std::chrono::milliseconds time);

}  // namespace crank::deploy
