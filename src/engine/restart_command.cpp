#include "engine/restart_command.h"

#include <chrono>

#include "sys/file.h"
#include "sys/system.h"

namespace crank::engine {
namespace {

std::vector<std::string> own_command(const Paths& paths) {
    return {sys::real_path("/proc/self/exe").value_or("/usr/bin/crank"),
            "--root",
            paths.root,
            "--state",
            paths.state,
            "--config",
            paths.config};
}

std::uint32_t milliseconds_of(std::chrono::nanoseconds time) {
    return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::milliseconds>(time).count());
}

}  // namespace

shim::Restart when_of(RestartPolicy::Kind kind) {
    using enum RestartPolicy::Kind;
    switch (kind) {
        case no: break;
        case on_failure: return shim::Restart::on_failure;
        // They differ once the machine has been restarted, which nothing of crank's survives.
        case always:
        case unless_stopped: return shim::Restart::always;
    }
    return shim::Restart::never;
}

runtime::Restart restart_of(const Paths& paths, const Record& record, std::uint32_t last_delay_ms) {
    runtime::Restart restart;
    restart.when = when_of(record.restart.kind);
    // Of one that is removed when it ends there is nothing to start. Of others the policy may be
    // another by then.
    bool by_health = record.health && record.health->on_unhealthy == OnUnhealthy::restart;
    if (record.remove && !by_health) return restart;
    restart.most = static_cast<std::uint32_t>(record.restart.most);
    restart.count = static_cast<std::uint32_t>(record.restart_count);
    restart.last_delay_ms = last_delay_ms;
    restart.command = own_command(paths);
    for (const char* word : {"start", record.id.c_str(), "--again"})
        restart.command.emplace_back(word);
    if (record.kind == Kind::native) restart.environment = sys::environment();
    return restart;
}

runtime::HealthSchedule health_schedule_of(const Paths& paths, const Record& record) {
    runtime::HealthSchedule schedule;
    if (!record.health || record.health->interval == kNoInterval) return schedule;
    schedule.command = own_command(paths);
    for (const char* word : {"healthcheck", "run", "--scheduled", record.id.c_str()})
        schedule.command.emplace_back(word);
    HealthTimes times = times_of(*record.health);
    schedule.interval_ms = milliseconds_of(times.interval);
    schedule.start_interval_ms = milliseconds_of(times.start_interval);
    schedule.start_period_ms = milliseconds_of(times.start_period);
    // It keeps the timeout by itself, and may stop the worker then.
    constexpr std::chrono::seconds kMore(60);
    std::chrono::seconds grace(record.stop_timeout < 0 ? 600 : record.stop_timeout);
    const int probes = record.health->live.empty() ? 1 : 2;
    schedule.deadline_ms = milliseconds_of(times.timeout * probes + kMore + grace);
    return schedule;
}

}  // namespace crank::engine
