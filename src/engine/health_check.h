// What a container's health check is: its test, its times, what follows when it fails. From the
// image (HEALTHCHECK) and the command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image.h"

namespace crank::engine {

// Once its health check says that it is unhealthy.
enum class OnUnhealthy : std::uint8_t { none, restart, stop, kill };
std::string_view name_of(OnUnhealthy action);

// Durations in nanoseconds. 0, as with Docker: the usual; while it is put together: the image's.
struct HealthCheck {
    // {"CMD", PROGRAM, ...}, {"CMD-SHELL", TEXT}: executed in the container. {"PROBE", URL}: crank
    // asks for it, from the container's network.
    std::vector<std::string> test;
    std::vector<std::string> shell;  // of CMD-SHELL; empty: kUsualShell
    std::int64_t interval = 0, timeout = 0, start_period = 0, start_interval = 0;
    int retries = 0;
    // Asked with each check, by another address: {"PROBE", URL}; empty: none is. Where there is
    // one, what follows from it is what follows when it fails so often in a row (0: 3), and `test`
    // alone says whether it is healthy.
    std::vector<std::string> live;
    int live_retries = 0;
    OnUnhealthy on_unhealthy = OnUnhealthy::none;
    int most_restarts = 0;  // in a row; 0: kUsualRestarts
    bool operator==(const HealthCheck&) const = default;
};
// An interval: the check is performed by `crank healthcheck run` alone.
inline constexpr std::int64_t kNoInterval = -1;
inline constexpr std::string_view kProbe = "PROBE", kNoTest = "NONE";
inline constexpr int kUsualRestarts = 5;

struct HealthTimes {
    std::chrono::nanoseconds interval, timeout, start_period, start_interval;
    int retries = 0, live_retries = 0;
};
// With Docker's usual ones: 30 s, 30 s, 0, 5 s, 3.
HealthTimes times_of(const HealthCheck& check);
int most_restarts_of(const HealthCheck& check);

struct MergedHealth {
    std::optional<HealthCheck> check;
    std::vector<std::string> warnings;
};
// What is asked for stands above the image's, field by field.
MergedHealth merge_health(const std::optional<oci::Healthcheck>& image, const HealthCheck& asked,
                          bool none);

// "CMD-SHELL curl -f http://localhost", in a few words: what it does.
std::string describe(const HealthCheck& check);

// The texts of flags. Errors: invalid_argument naming the flag, the text and what is wrong with it.

// A shell's line; ["PROGRAM", "ARGUMENT"]; "none", as podman has it.
Result<std::vector<std::string>> parse_health_command(std::string_view text);
// http://[HOST]:PORT[/PATH], https://..., tcp://[HOST]:PORT, tls://[HOST]:PORT.
Result<std::vector<std::string>> parse_probe(std::string_view text);
// At least 1 ms, at most a month; of an interval also "disable": kNoInterval.
Result<std::int64_t> parse_health_time(std::string_view flag, std::string_view text);
Result<int> parse_health_retries(std::string_view text);
// none, restart[:N], stop, kill
Result<> parse_on_unhealthy(HealthCheck& check, std::string_view text);

// Where a probe from outside goes.
struct ProbeTarget {
    enum class Kind : std::uint8_t { http, https, tcp, tls } kind = Kind::http;
    std::string host;  // an IP address; empty: the container's own
    std::uint16_t port = 0;
    std::string path;  // "/health?deep=1"
    bool operator==(const ProbeTarget&) const = default;
};
Result<ProbeTarget> parse_probe_target(std::string_view text);

}  // namespace crank::engine
