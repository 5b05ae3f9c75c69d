#include "deploy/plan_pre_start.h"

#include <algorithm>

#include "oci/digest.h"

namespace crank::deploy {
namespace {

bool is_new(const Step& step, const Observed& observed) {
    if (step.action == Action::create || step.action == Action::recreate) return true;
    auto found = std::ranges::find(observed.containers, step.container, &ObservedContainer::id);
    return found != observed.containers.end() && found->state == ObservedContainer::State::created;
}

}  // namespace

std::string pre_start_key(const DesiredService& service) {
    std::string text = service.hash + "\n" + service.image_id;
    for (const DesiredPreStart& step : service.pre_start) text += "\n" + step.image_id;
    return oci::Digest::of(text).hex();
}

void plan_pre_start(const DesiredService& service, const Observed& observed,
                    const PlanOptions& options, std::vector<Step>& steps) {
    if (!options.starts) return;
    auto known = observed.prepared.find(service.name);
    bool done = known != observed.prepared.end() && known->second == pre_start_key(service) &&
                options.recreate != Recreate::always && !service.rebuilt;
    for (Step& step : steps) {
        bool starts = step.action == Action::create || step.action == Action::recreate ||
                      step.action == Action::start;
        if (!starts) continue;
        for (std::size_t i = 0; i < service.pre_start.size(); i++)
            if (service.pre_start[i].per_replica ? is_new(step, observed) : !done)
                step.pre_start.push_back(i);
        // The frozen one goes on as it is.
        done = done || step.thaws.empty();
    }
}

}  // namespace crank::deploy
