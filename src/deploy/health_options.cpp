#include "deploy/health_options.h"

#include <string>
#include <vector>

namespace crank::deploy {
namespace {

void apply_check(const compose::Health& asked, engine::HealthCheck& check) {
    check.test = asked.test;
    check.interval = asked.interval.count();
    check.timeout = asked.timeout.count();
    check.start_period = asked.start_period.count();
    check.start_interval = asked.start_interval.count();
    check.retries = static_cast<int>(asked.retries);
}

Result<void> apply_probe(const compose::Probe& probe, bool acts, engine::HealthCheck& check) {
    if (!probe.url.empty()) check.test = TRY_IN(engine::parse_probe(probe.url), "x-crank.probe");
    if (!probe.live.empty()) {
        check.live = TRY_IN(engine::parse_probe(probe.live), "x-crank.probe.live");
        check.live_retries = static_cast<int>(probe.live_retries);
        // Who asks whether it lives wants something to follow.
        if (!acts) check.on_unhealthy = engine::OnUnhealthy::restart;
    }
    if (probe.interval.count() != 0) check.interval = probe.interval.count();
    if (probe.timeout.count() != 0) check.timeout = probe.timeout.count();
    if (probe.start_period.count() != 0) check.start_period = probe.start_period.count();
    if (probe.start_interval.count() != 0) check.start_interval = probe.start_interval.count();
    if (probe.retries != 0) check.retries = static_cast<int>(probe.retries);
    return {};
}

Result<std::vector<std::string>> probe_at(const std::map<std::uint16_t, std::uint16_t>& ports,
                                          std::string url) {
    engine::ProbeTarget target = TRY(engine::parse_probe_target(url));
    auto own = ports.find(target.port);
    if (own != ports.end() && target.host.empty()) {
        std::string before = ":" + std::to_string(target.port);
        std::size_t at = url.find(before, url.find("://") + 3);
        url.replace(at, before.size(), ":" + std::to_string(own->second));
    }
    return TRY_IN(engine::parse_probe(url), "x-crank.probe");
}

}  // namespace

Result<void> apply_health(const compose::Service& service, engine::RunOptions& options) {
    const std::string& action = service.worker.on_unhealthy;
    if (!action.empty())
        TRY_IN(engine::parse_on_unhealthy(options.health, action), "x-crank.on_unhealthy");
    if (service.health) {
        options.settings.no_healthcheck = service.health->disabled;
        if (service.health->disabled) return {};
        apply_check(*service.health, options.health);
    }
    if (!service.worker.probe) return {};
    return apply_probe(*service.worker.probe, !action.empty(), options.health);
}

Result<void> apply_native_probes(const compose::Service& service,
                                 const std::map<std::uint16_t, std::uint16_t>& ports,
                                 engine::RunOptions& options) {
    if (!service.worker.probe) return {};
    const compose::Probe& probe = *service.worker.probe;
    if (!probe.url.empty()) options.health.test = TRY(probe_at(ports, probe.url));
    if (!probe.live.empty()) options.health.live = TRY(probe_at(ports, probe.live));
    return {};
}

}  // namespace crank::deploy
