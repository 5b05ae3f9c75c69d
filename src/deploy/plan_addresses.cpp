#include "deploy/plan_addresses.h"

#include <algorithm>

#include "deploy/relayed.h"

namespace crank::deploy {
namespace {

// Networks on which the service has an address of its own: where containers have names and reach
// each other.
bool wants(const DesiredService& service, const Observed& observed,
           const DesiredResource& network) {
    using Address = compose::Service::Address;
    if (service.address == Address::never || !service.networks.contains(network.key)) return false;
    auto found = observed.networks.find(network.name);
    if (found == observed.networks.end()) return network.between;
    return found->second.between && (found->second.forwards || service.address == Address::always);
}

const ObservedAddress* address_of(const Observed& observed, const std::string& service,
                                  const std::string& network) {
    for (const ObservedAddress& address : observed.addresses)
        if (address.service == service && address.network == network) return &address;
    return nullptr;
}

std::map<std::string, std::string> running_on(const Observed& observed, const std::string& service,
                                              const std::string& network) {
    std::map<std::string, std::string> running;
    for (const ObservedContainer& container : observed.containers)
        if (auto on = container.on.find(network);
            container.service == service && on != container.on.end())
            running[container.id] = on->second;
    return running;
}

// Whether the gateway holds what it is to relay, and the rules say so.
bool is_relayed(const DesiredService& service, const Observed& observed,
                const ObservedAddress& address) {
    std::optional<std::set<std::uint16_t>> served;
    for (const ObservedContainer& container : observed.containers)
        if (container.service == service.name &&
            container.state == ObservedContainer::State::running) {
            if (!served) served.emplace();
            served->insert(container.serves.begin(), container.serves.end());
        }
    std::set<std::uint16_t> now;
    for (const auto& [port, listener] : address.relayed) now.insert(port);
    return now == wanted_relays(service, observed.hears, served, address.relayed) &&
           address.relayed == address.held;
}

}  // namespace

std::vector<Step> addressed_elsewhere(const Desired& desired, const DesiredService& service,
                                      const Observed& observed) {
    for (const DesiredResource& network : desired.networks) {
        if (!wants(service, observed, network)) continue;
        const ObservedAddress* address = address_of(observed, service.name, network.name);
        Step step{.action = Action::lead, .object = service.name, .service = service.name};
        if (address == nullptr)
            step.reasons = {"it has no address on " + network.name};
        else if (address->led != running_on(observed, service.name, network.name))
            step.reasons = {address->led.empty()
                                ? "what comes is led to nobody"
                                : "what comes is not led to the containers that run"};
        else if (!is_relayed(service, observed, *address))
            step.reasons = {"its requests are not led as its ports say"};
        if (!step.reasons.empty()) return {std::move(step)};
    }
    return {};
}

std::vector<Step> withdrawn(const Desired& desired, const Observed& observed, bool remove_orphans) {
    std::vector<Step> steps;
    for (const ObservedAddress& address : observed.addresses) {
        if (desired.others.contains(address.service)) continue;
        auto service = std::ranges::find(desired.services, address.service, &DesiredService::name);
        Step step{
            .action = Action::withdraw, .object = address.address, .service = address.service};
        if (service == desired.services.end()) {
            bool lives =
                std::ranges::find(observed.containers, address.service,
                                  &ObservedContainer::service) != observed.containers.end();
            if (lives && !remove_orphans) continue;
            step.reasons = {"the compose file has no service " + address.service};
        } else {
            auto network =
                std::ranges::find(desired.networks, address.network, &DesiredResource::name);
            if (network != desired.networks.end() && wants(*service, observed, *network)) continue;
            bool on = network != desired.networks.end() && service->networks.contains(network->key);
            step.reasons = {on ? "the name of service " + service->name + " means its containers"
                               : "service " + service->name + " is not on " + address.network};
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

}  // namespace crank::deploy
