#include "deploy/plan_ports.h"

#include <algorithm>

#include "base/text.h"

namespace crank::deploy {
namespace {

const DesiredService* owner_of(const Desired& desired, const std::string& address,
                               const std::string& target) {
    for (const DesiredService& service : desired.services)
        for (const DesiredPort& port : service.ports)
            if (port.address == address && port.target == target && service.replicas > 0)
                return &service;
    return nullptr;
}

// By its published ports, and at its addresses.
std::set<std::string> targets_of(const DesiredService& service, const Observed& observed) {
    std::set<std::string> targets;
    for (const DesiredPort& port : service.ports) targets.insert(port.target);
    for (const ObservedAddress& address : observed.addresses)
        if (address.service == service.name)
            for (const auto& [port, listener] : address.held)
                targets.insert(target_of(service.name, port));
    return targets;
}

}  // namespace

std::string target_of(const std::string& service, std::uint16_t port) {
    return service + ":" + std::to_string(port);
}

std::string service_of(const std::string& target) { return target.substr(0, target.rfind(':')); }

std::uint16_t port_of(const std::string& target) {
    return static_cast<std::uint16_t>(parse_int(target.substr(target.rfind(':') + 1)).value_or(0));
}

Result<void> check_ports(const Desired& desired) {
    std::map<std::string, const DesiredService*> taken;
    for (const DesiredService& service : desired.services)
        for (const DesiredPort& port : service.ports) {
            auto [entry, is_new] = taken.try_emplace(port.address, &service);
            if (is_new) continue;
            const std::string& other = entry->second->name;
            std::string who = other == service.name ? "service " + other + " publishes port " +
                                                          port.address + " twice"
                                                    : "services " + other + " and " + service.name +
                                                          " both publish port " + port.address;
            return fail(Error(Code::invalid_argument, who)
                            .with_hint("give one of them another number under ports"));
        }
    return {};
}

std::vector<Step> unpublished(const Desired& desired, const Observed& observed,
                              bool remove_orphans) {
    std::vector<Step> steps;
    for (const auto& [address, target] : observed.ports) {
        std::string name = service_of(target);
        if (desired.others.contains(name) || owner_of(desired, address, target) != nullptr)
            continue;
        bool known = std::ranges::find(desired.services, name, &DesiredService::name) !=
                     desired.services.end();
        bool lives = std::ranges::find(observed.containers, name, &ObservedContainer::service) !=
                     observed.containers.end();
        if (!known && lives && !remove_orphans) continue;
        steps.push_back({.action = Action::unpublish,
                         .object = address,
                         .service = name,
                         .reasons = {"no service publishes it"}});
    }
    return steps;
}

std::vector<Step> published(const DesiredService& service, const Observed& observed) {
    std::vector<Step> steps;
    if (service.replicas == 0) return steps;
    for (const DesiredPort& port : service.ports) {
        auto found = observed.ports.find(port.address);
        if (found != observed.ports.end() && found->second == port.target) continue;
        steps.push_back({.action = Action::publish,
                         .object = port.address,
                         .service = service.name,
                         .reasons = {"nothing holds it for " + port.target}});
    }
    return steps;
}

std::vector<Step> led_elsewhere(const DesiredService& service, const Observed& observed) {
    for (const std::string& target : targets_of(service, observed)) {
        std::set<std::string> wanted;
        for (const ObservedContainer& container : observed.containers)
            if (container.service == service.name && container.serves.contains(port_of(target)))
                wanted.insert(container.id);
        auto led = observed.led.find(target);
        std::set<std::string> now =
            led == observed.led.end() ? std::set<std::string>() : led->second;
        if (now == wanted) continue;
        return {{.action = Action::lead,
                 .object = service.name,
                 .service = service.name,
                 .reasons = {now.empty() ? "what comes is led to nobody"
                                         : "what comes is not led to the containers that run"}}};
    }
    return {};
}

std::string port_of_its_own(const DesiredService& service, const ObservedContainer& container) {
    for (const DesiredPort& port : service.ports)
        if (container.own_ports.contains(port.number)) return std::to_string(port.number);
    return "";
}

}  // namespace crank::deploy
