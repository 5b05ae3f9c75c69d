// What is said of plans.
#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "deploy/plan.h"
#include "engine/names.h"

namespace crank::deploy {

std::string_view name_of(Action action) {
    switch (action) {
        case Action::build: return "build";
        case Action::prepare: return "prepare";
        case Action::pull: return "pull";
        case Action::create_network: return "create network";
        case Action::create_volume: return "create volume";
        case Action::publish: return "publish";
        case Action::unpublish: return "unpublish";
        case Action::lead: return "lead to";
        case Action::wait: return "wait for";
        case Action::create: return "create";
        case Action::recreate: return "recreate";
        case Action::finish: return "finish the change of";
        case Action::restart: return "restart";
        case Action::rename: return "rename";
        case Action::start: return "start";
        case Action::remove: return "remove";
        case Action::cool: return "end";
        case Action::withdraw: return "withdraw";
        case Action::remove_network: return "remove network";
        case Action::remove_volume: return "remove volume";
    }
    return "";
}

bool Plan::changes() const {
    return std::ranges::any_of(steps, [](const Step& step) {
        return step.action != Action::wait && step.action != Action::cool;
    });
}

std::string aside_name(const std::string& id, const std::string& name) {
    return id.substr(0, engine::kShortIdLength) + "_" + name;
}
bool is_aside(const std::string& id, const std::string& name) {
    return name.starts_with(aside_name(id, ""));
}

std::string container_name(const Desired& desired, const DesiredService& service,
                           std::int64_t number) {
    if (!service.container_name.empty()) return service.container_name;
    return desired.project + "-" + service.name + "-" + std::to_string(number);
}

std::string describe(const Step& step) {
    std::string text = std::string(name_of(step.action)) + " " + step.object;
    if (step.action == Action::wait) {
        bool healthy = step.awaited.condition == compose::Dependency::Condition::healthy;
        return text + (healthy ? " to be healthy" : " to complete") + ": " + step.service +
               " depends on it";
    }
    if (step.together) text += " (at once with the one before)";
    if (!step.thaws.empty())
        text += " (the one that was kept frozen goes on)";
    else if (step.canary)
        text += " (the new one starts first, with " + std::to_string(step.canary->share) +
                "% of the requests for " + format_duration(step.canary->time) + ")";
    else if (step.start_first)
        text += " (the new one starts first)";
    if (!step.in_the_way.empty()) text += " (the old one stops first: " + step.in_the_way + ")";
    bool makes = step.action == Action::create || step.action == Action::recreate;
    if (makes && !step.where.empty()) text += " (" + step.where + ")";
    if (std::size_t before = step.pre_start.size(); before != 0 && step.thaws.empty())
        text += " (after " + std::to_string(before) + (before == 1 ? " step" : " steps") +
                " of pre_start)";
    return step.reasons.empty() ? text : text + ": " + join(step.reasons, "; ");
}

}  // namespace crank::deploy
