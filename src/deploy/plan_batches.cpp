#include "deploy/plan_batches.h"

#include <algorithm>

#include "deploy/plan_warm.h"

namespace crank::deploy {

bool has_room(const std::vector<Step>& steps, std::int64_t parallelism) {
    std::int64_t in_batch = 0;
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
        if (step->action != Action::recreate || step->canary) return false;
        in_batch++;
        if (!step->together) return parallelism == 0 || in_batch < parallelism;
    }
    return false;
}

void take_room(const DesiredService& service, const Observed& observed, std::vector<Step>& steps) {
    std::vector<Step> all;
    for (const Step& step : steps)
        if (step.action == Action::recreate)
            std::ranges::move(made_room(service, step.number, step.thaws, observed),
                              std::back_inserter(all));
    std::ranges::move(all, std::back_inserter(steps));
}

std::map<std::string, Tolerance> tolerances(const Desired& desired, const std::vector<Step>& steps,
                                            bool back) {
    std::map<std::string, Tolerance> all;
    for (const DesiredService& service : desired.services) {
        auto replaced = std::ranges::count_if(steps, [&](const Step& step) {
            return step.action == Action::recreate && step.service == service.name;
        });
        if (replaced == 0) continue;
        const DesiredService::Change& change = back ? service.rollback : service.update;
        all[service.name] = {.replaced = replaced,
                             .ratio = change.max_failure_ratio,
                             .goes_on = change.goes_on,
                             .monitor = change.monitor,
                             .is_waited_for = back};
    }
    return all;
}

}  // namespace crank::deploy
