#include "deploy/watch.h"

#include "deploy/desired.h"

namespace crank::deploy {
namespace {

// What is wrong with one, whatever it was before; empty: nothing.
std::string ill(const engine::Container& container) {
    const engine::State& state = container.state;
    bool by_itself = !state.asked || state.asked->verb == engine::kUnhealthy;
    bool ended =
        state.status == engine::Status::exited || state.status == engine::Status::restarting;
    if (ended && by_itself && state.exit.code != 0)
        return "exited (" + std::to_string(state.exit.code) + ")";
    bool unhealthy = state.status == engine::Status::running && state.health &&
                     state.health->status == engine::HealthStatus::unhealthy;
    return unhealthy ? "is unhealthy" : "";
}

}  // namespace

WatchedFrom watched_from(const std::vector<engine::Container>& containers) {
    WatchedFrom from;
    for (const engine::Container& container : containers)
        from[container.record.id] = {container.record.restart_count, ill(container).empty()};
    return from;
}

namespace {

// Of one since then; empty: nothing.
std::string trouble_of(const engine::Container& container, const WatchedFrom& before) {
    std::string name = "container " + engine::shown_name(container.record);
    auto known = before.find(container.record.id);
    if (known != before.end() && container.record.restart_count > known->second.restarts)
        return name + " has ended and was started again";
    bool well = known == before.end() || known->second.well;
    std::string what = ill(container);
    return well && !what.empty() ? name + " " + what : "";
}

}  // namespace

std::string trouble(const std::vector<engine::Container>& containers, const WatchedFrom& before,
                    const Shares& shares) {
    struct Counted {
        double all = 0, bad = 0;
        std::string first;
    };
    std::map<std::string, Counted> services;
    for (const engine::Container& container : containers) {
        Counted& service = services[label_of(container.record.labels, kServiceLabel)];
        service.all++;
        std::string what = trouble_of(container, before);
        if (what.empty()) continue;
        service.bad++;
        if (service.first.empty()) service.first = what;
    }
    for (const auto& [name, service] : services) {
        auto share = shares.find(name);
        double most = share == shares.end() ? 0 : share->second;
        if (service.bad / service.all > most) return service.first;
    }
    return "";
}

}  // namespace crank::deploy
