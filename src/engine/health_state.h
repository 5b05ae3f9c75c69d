// How a container's health check stands: pure, from one result to the next, by Docker's rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/health_check.h"

namespace crank::engine {

enum class HealthStatus : std::uint8_t { starting, healthy, unhealthy };
std::string_view name_of(HealthStatus health);

// Times are CLOCK_REALTIME.
struct ProbeResult {
    std::int64_t start_ns = 0, end_ns = 0;
    int exit_code = 0;  // 0: healthy; -1: it did not end in time, or could not be started
    std::string output;
    bool operator==(const ProbeResult&) const = default;
};
inline constexpr std::size_t kMostResults = 5, kMostOutput = 4096;
// "exit code 4, "no model"": the first line of what it wrote, without what a terminal would obey.
std::string shown(const ProbeResult& result);
// Of what a probe has written; what is more counts as cut.
std::string cut_output(std::string output);

struct HealthState {
    HealthStatus status = HealthStatus::starting;
    int failing_streak = 0;
    std::vector<ProbeResult> log;    // the last ones, the newest at the end
    int live_streak = 0;             // of HealthCheck::live, failures in a row
    std::int64_t since_ns = 0;       // when the status became what it is; 0: at the start
    std::int64_t started_at_ns = 0;  // of the container: the life that this is about
    bool operator==(const HealthState&) const = default;
};

HealthState after(HealthState state, ProbeResult result, const HealthCheck& check);
// With what HealthCheck::live says. In the start period a failure does not count, until the check
// itself has passed: so long it starts, and a probe of its life would end it.
HealthState after_live(HealthState state, const ProbeResult& result, const HealthCheck& check);
// Something is to follow: it has failed for too long, and by the one of the two that counts.
bool is_to_be_acted_on(const HealthState& state, const HealthCheck& check);

// What follows when it has become unhealthy: pure.
struct UnhealthyAction {
    OnUnhealthy action = OnUnhealthy::none;
    bool gives_up = false;      // it would be restarted, but was so often enough
    int restarts = 0;           // in a row, with the one to come
    std::int64_t pause_ms = 0;  // before it
};
// `before`: the state before it became unhealthy. `restarts`: those in a row before this life. One
// that has been healthy for ten minutes begins a new row.
UnhealthyAction decide(const HealthCheck& check, const HealthState& before, std::int64_t now_ns,
                       int restarts);

// The file `health` of the state directory, which begins with the status (shim/health.cpp).
inline constexpr char kHealthFile[] = "health";
std::string serialize(const HealthState& state);
// Errors: corrupt.
Result<HealthState> parse_health(std::string_view json);

}  // namespace crank::engine
