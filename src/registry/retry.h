// When a request is tried again, and after how long.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace crank::registry {

// 408, 429, 500, 502, 503, 504: the server may answer otherwise later.
bool is_transient(long status);

// Retry-After: seconds or an HTTP date (RFC 9110, 10.2.3). nothing: it is neither.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text,
                                                      std::chrono::sys_seconds now);

inline constexpr int kMaxAttempts = 5;  // without any progress
// What a server may ask for; more is an error at once, instead of a command that hangs.
inline constexpr std::chrono::seconds kLongestWait{60};

// Before attempt number `attempt` (1: the first repetition): `base` doubled each time, at most
// 16 s, plus up to a quarter of it as `jitter` (0 to 255) says, so that many clients spread out.
std::chrono::milliseconds backoff(int attempt, std::chrono::milliseconds base, unsigned jitter);

}  // namespace crank::registry
