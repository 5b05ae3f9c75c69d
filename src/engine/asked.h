// What a command of crank's last did to end a container, so that its end can be told from one that
// somebody else brought about. Lies beside what the monitor writes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::engine {

struct Asked {
    std::string verb;         // "stop", "kill", "rm"; kUnhealthy: its health check failed
    int signal = 0;           // the last that was sent
    int first_signal = 0;     // stop: what was sent first
    int grace = 0;            // stop: seconds until SIGKILL; -1: for ever
    bool grace_over = false;  // stop: SIGKILL was sent because the time was over
    std::int64_t at_ns = 0;   // when `signal` was sent, CLOCK_REALTIME
    std::string why = {};     // kUnhealthy: a sentence
    int restarts = 0;         // kUnhealthy: in a row, with the one to come (health_state.h)
    bool operator==(const Asked&) const = default;
};

inline constexpr std::string_view kUnhealthy = "unhealthy";

std::string serialize(const Asked& asked);
// Errors: corrupt.
Result<Asked> parse_asked(std::string_view json);

// Before the signal is sent. That it cannot be written keeps nobody from sending it.
void note_asked(const std::string& dir, const Asked& asked);
std::optional<Asked> read_asked(const std::string& dir);

}  // namespace crank::engine
