#include "deploy/addresses.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/plan_ports.h"
#include "deploy/relayed.h"
#include "deploy/traffic.h"
#include "engine/gateway.h"
#include "engine/networks/store.h"
#include "oci/digest.h"
#include "sys/tcp.h"

namespace crank::deploy {
namespace {

namespace networks = engine::networks;

constexpr networks::Home kOwnNetwork = -1;

// Always the same: what a killed command left is found again by it.
std::string id_of(const std::string& project, const std::string& service,
                  const networks::Definition& network) {
    return std::string(network::kServicePrefix) +
           oci::Digest::of(project + "\n" + service + "\n" + network.id).hex();
}

std::string name_of_network(const World& world, const std::string& key) {
    auto found = std::ranges::find(world.project.networks, key, &compose::Network::key);
    return found == world.project.networks.end() ? key : found->name;
}

std::vector<std::string> names_on(const compose::Service& service,
                                  const compose::ServiceNetwork& network) {
    std::vector<std::string> names = {service.name};
    for (const std::string& alias : network.aliases)
        if (alias != service.name) names.push_back(alias);
    return names;
}

// Of containers that are on it now.
std::vector<network::ServiceBackend> backends_on(const networks::Definition& network,
                                                 const std::vector<engine::Container>& containers) {
    std::vector<network::ServiceBackend> backends;
    for (const engine::Container& container : containers)
        for (const engine::EndpointRecord& endpoint : container.record.networks)
            if (endpoint.network_id == network.id && !endpoint.address.empty())
                backends.push_back({container.record.id, endpoint.address});
    return backends;
}

// What the file asks for is not taken away from who asks.
std::vector<std::string> wanted_addresses(const World& world, const std::string& network) {
    std::vector<std::string> wanted;
    for (const compose::Service& service : world.project.services)
        for (const compose::ServiceNetwork& one : service.networks)
            if (!one.ipv4.empty() && name_of_network(world, one.key) == network)
                wanted.push_back(one.ipv4);
    return wanted;
}

// "10.7.0.254:41234/10.7.0.254:8000": where it listens, and for what.
std::string listener_id(const std::string& address, std::uint16_t port, std::uint16_t listener) {
    return address + ":" + std::to_string(listener) + "/" + address + ":" + std::to_string(port);
}

// Nothing: it is no listener at a service's address.
std::optional<std::pair<std::uint16_t, std::uint16_t>> ports_of(const std::string& listener,
                                                                const std::string& address) {
    std::size_t slash = listener.find("/" + address + ":");
    if (slash == std::string::npos || !listener.starts_with(address + ":")) return std::nullopt;
    auto own = parse_int(listener.substr(address.size() + 1, slash - address.size() - 1));
    auto port = parse_int(listener.substr(slash + address.size() + 2));
    if (!own || !port) return std::nullopt;
    return std::pair{static_cast<std::uint16_t>(*port), static_cast<std::uint16_t>(*own)};
}

network::RelayedPorts held_at(const engine::GatewayView& view, const std::string& address) {
    network::RelayedPorts held;
    for (const engine::GatewayListener& listener : view.listeners)
        if (auto ports = ports_of(listener.id, address)) held.insert(*ports);
    return held;
}

bool is_there(const networks::Definition& network, const std::vector<std::string>& ids) {
    return std::ranges::find(ids, network.id) != ids.end();
}

// They are no published ports.
void take_held(Observed& observed, ObservedAddress& address) {
    for (const std::string& listener : observed.listeners) {
        auto ports = ports_of(listener, address.address);
        if (!ports) continue;
        address.held.insert(*ports);
        observed.ports.erase(address.address + ":" + std::to_string(ports->first));
    }
}

}  // namespace

Result<void> observe_addresses(const engine::Paths& paths, const std::string& project,
                               Observed& observed) {
    for (const networks::Definition& network : TRY(networks::list(paths)))
        for (network::Service& service :
             TRY(network::list_services(networks::state_of(paths, network)))) {
            if (service.project != project) continue;
            ObservedAddress address{service.name, network.name, service.address, {}};
            for (const network::ServiceBackend& backend : service.backends)
                address.led[backend.container] = backend.address;
            address.relayed = std::move(service.relayed);
            take_held(observed, address);
            observed.addresses.push_back(std::move(address));
        }
    return {};
}

// Without root the bridges lie in a namespace that nobody else has rules in.
const std::vector<std::string>& Addresses::dropping() const {
    if (!dropping_)
        dropping_ =
            world_.home == kOwnNetwork ? network::drops_forwarded() : std::vector<std::string>();
    return *dropping_;
}

Result<std::vector<Addresses::Place>> Addresses::wanted(const std::string& service) const {
    std::vector<Place> places;
    const compose::Service* one = world_.project.find(service);
    using Address = compose::Service::Address;
    if (one == nullptr || one->address == Address::never || one->native() != nullptr) return places;
    if (one->address == Address::possible && !dropping().empty()) return places;
    for (const compose::ServiceNetwork& network : one->networks) {
        auto found = networks::find(world_.paths, name_of_network(world_, network.key));
        // Those that are always there, on which containers have no names.
        if (!found && found.error().code() == Code::not_found) continue;
        networks::Definition definition = TRY(std::move(found));
        if (!networks::bridge_of(world_.paths, definition, world_.home).between) continue;
        network::Service made{.id = id_of(world_.desired.project, service, definition),
                              .project = world_.desired.project,
                              .name = service,
                              .names = names_on(*one, network)};
        places.push_back({std::move(definition), std::move(made)});
    }
    return places;
}

Result<std::vector<Addresses::Place>> Addresses::present(const std::string& service) const {
    std::vector<Place> places;
    for (const networks::Definition& network : TRY(networks::list(world_.paths)))
        for (network::Service& one :
             TRY(network::list_services(networks::state_of(world_.paths, network))))
            if (one.project == world_.desired.project && one.name == service)
                places.push_back({network, std::move(one)});
    return places;
}

Result<void> Addresses::put(const Place& place, const network::PutOptions& options) const {
    auto put = network::put_service(networks::bridge_of(world_.paths, place.network, world_.home),
                                    place.service, options);
    if (!put && put.error().code() == Code::exhausted)
        return fail(std::move(put.error())
                        .with_context("the address of service " + place.service.name + " on " +
                                      place.network.name)
                        .with_hint("a larger subnet, or deploy: {endpoint_mode: dnsrr} of the "
                                   "service: its name means its containers then"));
    if (!put && put.error().code() == Code::not_found && put.error().hint().empty())
        return fail(
            std::move(put.error())
                .with_context("service " + place.service.name + " on " + place.network.name)
                .with_hint("the kernel's modules nft_numgen and nft_reject_ipv4, or deploy: "
                           "{endpoint_mode: dnsrr} of the service"));
    for (const std::string& warning :
         TRY_IN(std::move(put), "service " + place.service.name + " on " + place.network.name)
             .warnings)
        world_.hooks.warn("network " + place.network.name + ": " + warning);
    return {};
}

Result<void> Addresses::prepare() const {
    auto asks = [](const compose::Service& service) {
        return service.address == compose::Service::Address::possible && !service.networks.empty();
    };
    if (std::ranges::any_of(world_.project.services, asks) && !dropping().empty())
        world_.hooks.warn(
            "names of services mean their containers, and not an address of the "
            "service: the host's " +
            join(dropping(), " and ") +
            " drops what it is to forward (once it lets them pass: "
            "deploy.endpoint_mode: vip)");
    for (const DesiredService& service : world_.desired.services)
        for (const Place& place : TRY(wanted(service.name)))
            TRY(put(place, {.others = wanted_addresses(world_, place.network.name)}));
    return {};
}

// The rules of a network that nobody else has rules in.
bool Addresses::hears() const {
    if (!hears_) hears_ = world_.home != kOwnNetwork || network::drops_incoming().empty();
    return *hears_;
}

std::set<std::uint16_t> Addresses::relayed(const std::string& service,
                                           const std::vector<engine::Container>& containers,
                                           const network::Service& known) const {
    // Of one that is not among those of this command it stays as it is.
    DesiredService other{.name = service};
    auto found = std::ranges::find(world_.desired.services, service, &DesiredService::name);
    bool unknown = found == world_.desired.services.end();
    std::optional<std::set<std::uint16_t>> served;
    if (!unknown && !containers.empty()) served.emplace();
    for (const engine::Container& container : containers)
        if (served) served->merge(served_ports(container.record));
    return wanted_relays(unknown ? other : *found, hears(), served, known.relayed);
}

Result<network::RelayedPorts> Addresses::hold_at(const Place& place,
                                                 const std::set<std::uint16_t>& ports) const {
    if (ports.empty()) return network::RelayedPorts();
    const std::string& address = place.service.address;
    auto gateway = TRY(engine::Gateway::start(world_.paths, world_.desired.project, world_.home));
    network::RelayedPorts held = held_at(TRY(gateway.view()), address);
    std::erase_if(held, [&](const auto& one) { return !ports.contains(one.first); });
    for (std::uint16_t port : ports) {
        if (held.contains(port)) continue;
        auto socket =
            TRY_IN(network::listen_for_service(
                       networks::bridge_of(world_.paths, place.network, world_.home), address),
                   "the address " + address + " of service " + place.service.name);
        std::uint16_t own = TRY(sys::local_port(socket.get()));
        TRY(gateway.listen({listener_id(address, port, own), target_of(place.service.name, port)},
                           "auto", socket.get()));
        held[port] = own;
    }
    crash_point("deploy.held");
    return held;
}

Result<void> Addresses::let_go(const std::string& address,
                               const network::RelayedPorts& held) const {
    auto gateway = TRY(engine::Gateway::find(world_.paths, world_.desired.project));
    if (!gateway) return {};
    for (const auto& [port, listener] : held_at(TRY(gateway->view()), address))
        if (auto one = held.find(port); one == held.end() || one->second != listener)
            TRY(gateway->unlisten(listener_id(address, port, listener)));
    return {};
}

Result<Addresses::Held> Addresses::hold(const std::string& service,
                                        const std::vector<engine::Container>& containers) const {
    std::vector<Place> known = TRY(present(service));
    Held held;
    for (const Place& place : TRY(wanted(service))) {
        auto same = std::ranges::find(known, place.service.id,
                                      [](const Place& one) { return one.service.id; });
        if (same == known.end()) continue;
        held[place.network.id] = TRY(hold_at(*same, relayed(service, containers, same->service)));
    }
    return held;
}

Result<void> Addresses::lead(const std::string& service,
                             const std::vector<engine::Container>& containers,
                             const Held& held) const {
    std::vector<Place> places = TRY(wanted(service)), known = TRY(present(service));
    std::vector<std::string> ids;
    for (const Place& place : places) ids.push_back(place.network.id);
    // Also those that it is to have no more: they are withdrawn last.
    for (const Place& place : known)
        if (!is_there(place.network, ids)) places.push_back(place);
    for (const Place& place : places) {
        network::PutOptions options{.backends = backends_on(place.network, containers),
                                    .others = wanted_addresses(world_, place.network.name)};
        if (auto one = held.find(place.network.id); one != held.end())
            options.relayed = one->second;
        TRY(put(place, options));
    }
    for (const Place& place : known)
        if (auto one = held.find(place.network.id); one != held.end())
            TRY(let_go(place.service.address, one->second));
    return {};
}

Result<void> Addresses::withdraw(const Step& step) const {
    for (const Place& place : TRY(present(step.service))) {
        if (place.service.address != step.object) continue;
        TRY_IN(network::remove_service(
                   networks::bridge_of(world_.paths, place.network, world_.home), place.service.id),
               "address " + step.object + " of service " + step.service);
        TRY(let_go(step.object, {}));
    }
    return {};
}

}  // namespace crank::deploy
