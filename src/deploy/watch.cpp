#include "deploy/watch.h"

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

std::string trouble(const std::vector<engine::Container>& containers, const WatchedFrom& before) {
    for (const engine::Container& container : containers) {
        std::string name = "container " + engine::shown_name(container.record);
        auto known = before.find(container.record.id);
        if (known != before.end() && container.record.restart_count > known->second.restarts)
            return name + " has ended and was started again";
        bool well = known == before.end() || known->second.well;
        if (std::string what = ill(container); well && !what.empty()) return name + " " + what;
    }
    return "";
}

}  // namespace crank::deploy
