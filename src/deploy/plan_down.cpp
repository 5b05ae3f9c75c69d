#include <algorithm>

#include "deploy/plan.h"
#include "deploy/plan_ports.h"
#include "deploy/plan_warm.h"

namespace crank::deploy {
namespace {

using Containers = std::vector<const ObservedContainer*>;

// Those that depend on others first; the newest first.
Containers in_order_of_end(const Observed& observed) {
    Containers all;
    for (const ObservedContainer& container : observed.containers) all.push_back(&container);
    std::ranges::sort(all, [](const ObservedContainer* a, const ObservedContainer* b) {
        return a->created_ns > b->created_ns;
    });
    std::map<std::string, std::set<std::string>> needs;
    for (const ObservedContainer* container : all)
        needs[container->service].insert(container->depends_on.begin(),
                                         container->depends_on.end());
    Containers ordered;
    std::set<std::string> left;
    for (const auto& [service, on] : needs) left.insert(service);
    while (!left.empty()) {
        auto is_needed = [&](const std::string& service) {
            return std::ranges::any_of(left, [&](const std::string& other) {
                return other != service && needs[other].contains(service);
            });
        };
        auto next = std::ranges::find_if_not(left, is_needed);
        // A circle, of which the labels of several versions of a file may consist.
        if (next == left.end()) next = left.begin();
        for (const ObservedContainer* container : all)
            if (container->service == *next) ordered.push_back(container);
        left.erase(next);
    }
    return ordered;
}

const DesiredResource* by_name(const std::vector<DesiredResource>& all, const std::string& name) {
    auto found = std::ranges::find(all, name, &DesiredResource::name);
    return found == all.end() ? nullptr : &*found;
}

// What its labels say is the project's, whatever the file says by now: nothing is in them.
void remove_networks(const Desired& desired, const Observed& observed, Plan& plan) {
    for (const auto& [name, network] : observed.networks) {
        const DesiredResource* declared = by_name(desired.networks, name);
        if (network.project != desired.project || (declared != nullptr && declared->external))
            continue;
        plan.steps.push_back({.action = Action::remove_network, .object = name});
    }
}

// What is in them is gone for good: only what a person can see in the file goes.
void remove_volumes(const Desired& desired, const Observed& observed, const DownOptions& options,
                    Plan& plan) {
    for (const auto& [name, volume] : observed.volumes) {
        if (volume.project != desired.project) continue;
        const DesiredResource* declared = by_name(desired.volumes, name);
        if (declared != nullptr && declared->external) continue;
        if (options.declared && declared == nullptr)
            plan.warnings.push_back("volume " + name +
                                    " stays: the compose file does not declare it (crank volume "
                                    "rm " +
                                    name + ")");
        else
            plan.steps.push_back({.action = Action::remove_volume, .object = name});
    }
}

}  // namespace

Result<Plan> plan_down(const Desired& desired, const Observed& observed,
                       const DownOptions& options) {
    TRY(compose::check_project_name(desired.project));
    Plan plan;
    std::set<std::string> known = desired.others;
    for (const DesiredService& service : desired.services) known.insert(service.name);
    for (const auto& [address, target] : observed.ports) {
        std::string service = service_of(target);
        if (options.orphans || known.contains(service))
            plan.steps.push_back(
                {.action = Action::unpublish, .object = address, .service = service});
    }
    for (const ObservedWarm& warm : observed.warm)
        if (options.orphans || known.contains(warm.service))
            plan.steps.push_back(removal_of(warm, "it was kept"));
    for (const ObservedContainer* container : in_order_of_end(observed)) {
        if (!options.orphans && !known.contains(container->service)) {
            plan.orphans.push_back(container->name);
            continue;
        }
        plan.steps.push_back({.action = Action::remove,
                              .object = container->name,
                              .service = container->service,
                              .container = container->id,
                              .number = container->number});
    }
    for (const ObservedAddress& address : observed.addresses)
        if (options.orphans || known.contains(address.service))
            plan.steps.push_back({.action = Action::withdraw,
                                  .object = address.address,
                                  .service = address.service});
    remove_networks(desired, observed, plan);
    if (options.volumes) remove_volumes(desired, observed, options, plan);
    return plan;
}

}  // namespace crank::deploy
