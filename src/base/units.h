// Sizes, durations and CPU counts as Docker's command line writes them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank {

// "512m", "2g", "1.5GiB", "1024": binary multiples (k = 1024), case does not matter, a trailing
// b, ib or iB is allowed. At most 2^63-1 bytes. Error: invalid_argument.
Result<std::int64_t> parse_size(std::string_view text);

// "1m30s", "500ms", "1.5h": Go's time.ParseDuration with the units ns us ms s m h; not negative.
// "0" needs no unit. Error: invalid_argument.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// "0.5", "2": CPUs as a decimal, in billionths of a CPU (Docker's NanoCpus). Range: 0.001 and up.
Result<std::int64_t> parse_cpus(std::string_view text);

// "1.23MB": decimal multiples with at most four digits, as `docker images` prints them.
std::string format_size(std::int64_t bytes);
// "64MiB": binary multiples, as `docker stats` prints them.
std::string format_size_binary(std::int64_t bytes);
// "2 minutes", "About an hour", "Less than a second", as `docker ps` prints them.
std::string format_age(std::chrono::seconds age);
// "1m30s", "500ms": Go's notation, for inspect.
std::string format_duration(std::chrono::nanoseconds duration);
// RFC 3339 in UTC with nanoseconds: "2026-01-02T03:04:05.000000006Z".
std::string format_time(std::chrono::system_clock::time_point time);

}  // namespace crank
