// The flags of `run` and `create` that become a health check.
#include "cli/run_flags.h"

namespace crank::cli {
namespace {

struct TimeFlag {
    const char* name;
    std::int64_t engine::HealthCheck::* field;
};
constexpr TimeFlag kTimes[] = {
    {"health-interval", &engine::HealthCheck::interval},
    {"health-timeout", &engine::HealthCheck::timeout},
    {"health-start-period", &engine::HealthCheck::start_period},
    {"health-start-interval", &engine::HealthCheck::start_interval},
};

}  // namespace

Result<> read_health(const Arguments& arguments, engine::RunOptions& options) {
    engine::HealthCheck& check = options.health;
    if (arguments.has("health-cmd") && arguments.has("probe"))
        return fail(Error(Code::invalid_argument,
                          "conflicting options: --health-cmd and --probe are two checks")
                        .with_hint("leave one of them out"));
    if (auto text = arguments.find("health-cmd"))
        check.test = TRY(engine::parse_health_command(*text));
    if (auto text = arguments.find("probe")) check.test = TRY(engine::parse_probe(*text));
    for (const TimeFlag& flag : kTimes)
        if (auto text = arguments.find(flag.name))
            check.*flag.field =
                TRY(engine::parse_health_time("--" + std::string(flag.name), *text));
    if (auto text = arguments.find("health-retries"))
        check.retries = TRY(engine::parse_health_retries(*text));
    if (auto text = arguments.find("on-unhealthy")) TRY(engine::parse_on_unhealthy(check, *text));
    if (options.settings.no_healthcheck && check != engine::HealthCheck{})
        return fail(
            Error(Code::invalid_argument,
                  "conflicting options: --no-healthcheck conflicts with --health-*, --probe "
                  "and --on-unhealthy")
                .with_hint("leave --no-healthcheck out"));
    if (options.remove && check.on_unhealthy == engine::OnUnhealthy::restart)
        return fail(Code::invalid_argument,
                    "conflicting options: cannot specify both --on-unhealthy=restart and --rm");
    return {};
}

}  // namespace crank::cli
