#include "cli/describe_health.h"

#include "cli/shown.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

// As Docker: what was not said is not shown.
void add_time(Json& json, const char* name, std::int64_t ns) {
    if (ns > 0) json[name] = ns;
}

template <typename Check>
Json test_and_times(const Check& check) {
    Json json = {{"Test", check.test}};
    add_time(json, "Interval", check.interval);
    add_time(json, "Timeout", check.timeout);
    add_time(json, "StartPeriod", check.start_period);
    add_time(json, "StartInterval", check.start_interval);
    if (check.retries != 0) json["Retries"] = check.retries;
    return json;
}

}  // namespace

Json describe_health(const engine::HealthState& health) {
    Json log = Json::array();
    for (const engine::ProbeResult& result : health.log)
        log.push_back({{"Start", rfc3339(result.start_ns)},
                       {"End", rfc3339(result.end_ns)},
                       {"ExitCode", result.exit_code},
                       {"Output", result.output}});
    return {{"Status", engine::name_of(health.status)},
            {"FailingStreak", health.failing_streak},
            {"Log", std::move(log)}};
}

Json describe_health_check(const engine::HealthCheck& check) { return test_and_times(check); }

Json describe_health_check(const oci::Healthcheck& check) { return test_and_times(check); }

std::string_view health_word(const engine::Container& container) {
    return container.state.health ? engine::name_of(container.state.health->status) : "none";
}

std::string health_suffix(const engine::Container& container) {
    if (!container.state.health) return "";
    if (container.state.health->status == engine::HealthStatus::starting)
        return " (health: starting)";
    return " (" + std::string(engine::name_of(container.state.health->status)) + ")";
}

}  // namespace crank::cli
