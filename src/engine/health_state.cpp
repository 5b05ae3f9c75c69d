#include "engine/health_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace crank::engine {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kSecond = 1'000'000'000;
// As long as Kubernetes waits before it forgets earlier restarts.
constexpr std::int64_t kLongHealthy = 10 * 60 * kSecond;

// 1 s, 2 s, 4 s ... a minute.
std::int64_t pause_of(int restart) {
    constexpr std::int64_t kFirst = 1000, kMost = 60'000;
    constexpr int kDoublings = 6;
    return std::min(kMost, kFirst << std::min(restart - 1, kDoublings));
}

std::string first_line(std::string_view text) {
    constexpr std::size_t kMost = 200;
    std::string line(trim(text).substr(0, trim(text).find('\n')));
    if (line.size() > kMost) line = line.substr(0, kMost) + "...";
    for (char& c : line)
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
    return line;
}

}  // namespace

std::string_view name_of(HealthStatus health) {
    switch (health) {
        case HealthStatus::starting: return "starting";
        case HealthStatus::healthy: return "healthy";
        case HealthStatus::unhealthy: return "unhealthy";
    }
    return "";
}

std::string shown(const ProbeResult& result) {
    std::string line = first_line(result.output);
    return "exit code " + std::to_string(result.exit_code) +
           (line.empty() ? "" : ", \"" + line + "\"");
}

std::string cut_output(std::string output) {
    if (output.size() <= kMostOutput) return output;
    output.resize(kMostOutput);
    return output + "...";
}

namespace {

// Counted from the probe's start; once it was healthy the period is over.
bool is_excused(const HealthState& state, const ProbeResult& result, const HealthTimes& times) {
    return state.status == HealthStatus::starting &&
           result.start_ns - state.started_at_ns < times.start_period.count();
}

}  // namespace

HealthState after(HealthState state, ProbeResult result, const HealthCheck& check) {
    HealthTimes times = times_of(check);
    HealthStatus before = state.status;
    if (result.exit_code == 0) {
        state.failing_streak = 0;
        state.status = HealthStatus::healthy;
    } else {
        if (!is_excused(state, result, times)) {
            ++state.failing_streak;
            if (state.failing_streak >= times.retries) state.status = HealthStatus::unhealthy;
        }
    }
    if (state.status != before) state.since_ns = result.end_ns;
    state.log.push_back(std::move(result));
    if (state.log.size() > kMostResults) state.log.erase(state.log.begin());
    return state;
}

HealthState after_live(HealthState state, const ProbeResult& result, const HealthCheck& check) {
    if (result.exit_code == 0)
        state.live_streak = 0;
    else if (!is_excused(state, result, times_of(check)))
        ++state.live_streak;
    return state;
}

bool is_to_be_acted_on(const HealthState& state, const HealthCheck& check) {
    if (check.live.empty()) return state.status == HealthStatus::unhealthy;
    return state.live_streak >= times_of(check).live_retries;
}

UnhealthyAction decide(const HealthCheck& check, const HealthState& before, std::int64_t now_ns,
                       int restarts) {
    UnhealthyAction action{.action = check.on_unhealthy};
    if (check.on_unhealthy != OnUnhealthy::restart) return action;
    bool long_healthy =
        before.status == HealthStatus::healthy && now_ns - before.since_ns >= kLongHealthy;
    action.restarts = (long_healthy ? 0 : restarts) + 1;
    if (action.restarts > most_restarts_of(check)) {
        action.action = OnUnhealthy::stop;
        action.gives_up = true;
        action.restarts = restarts;
        return action;
    }
    action.pause_ms = pause_of(action.restarts);
    return action;
}

std::string serialize(const HealthState& state) {
    Json log = Json::array();
    for (const ProbeResult& result : state.log)
        log.push_back({{"start", result.start_ns},
                       {"end", result.end_ns},
                       {"exitCode", result.exit_code},
                       {"output", result.output}});
    Json json = {{"Status", name_of(state.status)},  {"failingStreak", state.failing_streak},
                 {"liveStreak", state.live_streak},  {"since", state.since_ns},
                 {"startedAt", state.started_at_ns}, {"log", std::move(log)}};
    // What a probe writes may be any bytes.
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<HealthState> parse_health(std::string_view text) {
    try {
        Json json = Json::parse(text);
        HealthState state{.failing_streak = json.at("failingStreak"),
                          .live_streak = json.value("liveStreak", 0),
                          .since_ns = json.at("since"),
                          .started_at_ns = json.at("startedAt")};
        auto status = json.at("Status").get<std::string>();
        for (HealthStatus health :
             {HealthStatus::starting, HealthStatus::healthy, HealthStatus::unhealthy})
            if (status == name_of(health)) state.status = health;
        for (const Json& result : json.at("log"))
            state.log.push_back(
                {result.at("start"), result.at("end"), result.at("exitCode"), result.at("output")});
        return state;
    } catch (const nlohmann::json::exception& e) {
        return fail(Code::corrupt, std::string("the health of a container: ") + e.what());
    }
}

}  // namespace crank::engine
