#include "deploy/traffic.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/text.h"
#include "deploy/desired.h"
#include "deploy/observe.h"
#include "deploy/plan_ports.h"
#include "deploy/relayed.h"
#include "deploy/wait.h"
#include "engine/gateway.h"
#include "engine/local/network_plan.h"
#include "engine/local/outside_probe.h"
#include "network/network.h"
#include "sys/child.h"

namespace crank::deploy {
namespace {

using engine::Gateway;
using std::chrono::milliseconds;

constexpr milliseconds kLongest(std::chrono::hours(1));
constexpr std::int64_t kWhole = 100;  // percent

// A listener's id is the real address and the one that the file has: "127.0.0.1:8080/8080".
std::string address_of(const std::string& listener) {
    return listener.substr(listener.find('/') + 1);
}
std::string listener_id(const network::Listener& listener, const std::string& address) {
    bool v6 = listener.host_ip.contains(':');
    std::string ip = v6 ? "[" + listener.host_ip + "]" : listener.host_ip;
    return ip + ":" + std::to_string(listener.host_port) + "/" + address;
}

const compose::Port* port_at(const compose::Service& service, const std::string& address) {
    for (const compose::Port& port : service.ports)
        if (is_held(service, port) && shown(port) == address) return &port;
    return nullptr;
}

// Also those of which the ports are closed, and connections go on.
std::set<std::string> targets_of(const engine::GatewayView& view, const std::string& service) {
    std::set<std::string> targets;
    for (const engine::GatewayListener& listener : view.listeners)
        if (service_of(listener.target) == service) targets.insert(listener.target);
    for (const engine::GatewayTarget& target : view.targets)
        if (service_of(target.name) == service) targets.insert(target.name);
    return targets;
}

// Of two with one number the one that waits under another name is the old one, and the other has
// not proved itself.
void drop_unproved(std::vector<engine::Container>& containers) {
    std::set<std::string> numbers;
    auto makes_way = [](const engine::Container& container) {
        return is_aside(container.record.id, container.record.name);
    };
    for (const engine::Container& container : containers)
        if (makes_way(container)) numbers.insert(label_of(container.record.labels, kNumberLabel));
    std::erase_if(containers, [&](const engine::Container& container) {
        return !makes_way(container) &&
               numbers.contains(label_of(container.record.labels, kNumberLabel));
    });
}

// Whose gateway has the port; empty: that of no other project.
std::string holder_of(const World& world, const network::PortSpec& port) {
    auto containers = engine::list(world.paths);
    if (!containers) return "";
    for (const engine::Container& container : *containers)
        for (const engine::PublishedPort& taken : container.record.gateway_ports)
            if (taken.host_port == port.host_port && !is_of(container, world.desired.project))
                return label_of(container.record.labels, kProjectLabel);
    return "";
}

// In the words of the file. Environments share one, and the port in it.
std::string another_port(const World& world, const network::PortSpec& port) {
    const std::string& own = world.desired.project;
    std::string holder = holder_of(world, port);
    bool environment =
        !holder.empty() && (own.starts_with(holder + "-") || holder.starts_with(own + "-"));
    std::string wanted = "\"" + std::to_string(port.host_port + 1) + ":" +
                         std::to_string(port.container_port) + "\"";
    return environment ? "ports: !override [" + wanted + "] in the environment's file"
                       : "another one under ports: " + wanted;
}

milliseconds grace_of(const World& world, const engine::Container& container) {
    const compose::Service* service =
        world.project.find(label_of(container.record.labels, kServiceLabel));
    if (service != nullptr && service->worker.rollout.drain.count() != 0)
        return std::chrono::ceil<milliseconds>(service->worker.rollout.drain);
    int seconds = world.stop_seconds.value_or(container.record.stop_timeout);
    return seconds < 0 ? kLongest : std::chrono::seconds(seconds);
}

}  // namespace

std::set<std::uint16_t> served_ports(const engine::Record& record) {
    std::set<std::uint16_t> ports(record.served_ports.begin(), record.served_ports.end());
    for (const engine::PublishedPort& port : record.gateway_ports)
        ports.insert(port.container_port);
    return ports;
}

std::optional<std::uint16_t> listens_on(const engine::Record& record, std::uint16_t target) {
    for (const engine::PublishedPort& port : record.gateway_ports)
        if (port.container_port == target) return engine::own_port(port);
    bool serves = std::ranges::find(record.served_ports, target) != record.served_ports.end();
    return serves ? std::optional(target) : std::nullopt;
}

Result<void> observe_gateway(const engine::Paths& paths, const std::string& project,
                             Observed& observed) {
    auto gateway = TRY(Gateway::find(paths, project));
    if (!gateway) return {};
    auto view = gateway->view();
    // One that hangs holds nothing: publish() puts another in its place.
    if (!view && view.error().code() == Code::deadline_exceeded) return {};
    if (!view) return fail(std::move(view.error()));
    for (const engine::GatewayListener& listener : view->listeners) {
        observed.ports[address_of(listener.id)] = listener.target;
        observed.listeners.push_back(listener.id);
    }
    for (const engine::GatewayTarget& target : view->targets)
        for (const engine::GatewayBackend& backend : target.backends)
            observed.led[target.name].insert(backend.id);
    return {};
}

Result<void> Traffic::publish(const Step& step) const {
    const compose::Service& service = *world_.project.find(step.service);
    const compose::Port& port = *port_at(service, step.object);
    network::PortSpec wanted{
        .host_ip = port.host_ip,
        .host_port = static_cast<std::uint16_t>(parse_int(port.published).value_or(0)),
        .container_port = static_cast<std::uint16_t>(port.target)};
    auto listened = engine::local::listen_on_host(world_.paths, world_.config, wanted);
    if (!listened && listened.error().code() == Code::already_exists)
        listened = fail(std::move(listened).error().with_hint(another_port(world_, wanted)));
    auto listeners = TRY_IN(std::move(listened), "services." + service.name + ".ports");
    Gateway gateway = TRY(Gateway::start(world_.paths, world_.desired.project, world_.home));
    std::string protocol = port.app_protocol.empty() ? "auto" : port.app_protocol;
    if (protocol != "http" && protocol != "auto") protocol = "tcp";
    std::string target = service.name + ":" + std::to_string(port.target);
    for (const network::Listener& listener : listeners)
        TRY(gateway.listen({listener_id(listener, step.object), target}, protocol,
                           listener.fd.get()));
    return lead(service.name);
}

Result<void> Traffic::unpublish(const Step& step) const {
    auto gateway = TRY(Gateway::find(world_.paths, world_.desired.project));
    if (!gateway) return {};
    for (const engine::GatewayListener& listener : TRY(gateway->view()).listeners)
        if (address_of(listener.id) == step.object) TRY(gateway->unlisten(listener.id));
    return {};
}

Result<std::vector<engine::Container>> Traffic::running(const std::string& service) const {
    std::vector<engine::Container> containers = TRY(engine::list(world_.paths));
    std::erase_if(containers, [&](const engine::Container& container) {
        return !is_of(container, world_.desired.project) ||
               label_of(container.record.labels, kServiceLabel) != service ||
               container.state.status != engine::Status::running;
    });
    return containers;
}

Result<std::vector<engine::Container>> Traffic::proved(const std::string& service,
                                                       const std::set<std::string>& without) const {
    std::vector<engine::Container> containers = TRY(running(service));
    std::erase_if(containers, [&](const engine::Container& container) {
        return without.contains(container.record.id) || held_back_.contains(container.record.id);
    });
    drop_unproved(containers);
    return containers;
}

Result<void> Traffic::lead(const std::string& service, const std::set<std::string>& without) const {
    Addresses::Held held = TRY(addresses_.hold(service, TRY(proved(service, without))));
    TRY(route(service, without));
    return addresses_.lead(service, TRY(proved(service, without)), held);
}

Result<void> Traffic::route(const std::string& service,
                            const std::set<std::string>& without) const {
    auto gateway = TRY(Gateway::find(world_.paths, world_.desired.project));
    if (!gateway) return {};
    // One may be started again meanwhile, by its restart policy, and have another address.
    constexpr int kLooks = 5;
    for (int look = 0; look < kLooks; ++look)
        if (TRY(lead_once(*gateway, service, without))) return {};
    return {};
}

Result<bool> Traffic::share(const std::string& service, const std::string& id, int percent) const {
    auto gateway = TRY(Gateway::find(world_.paths, world_.desired.project));
    if (!gateway) return false;
    std::set<std::string> targets = targets_of(TRY(gateway->view()), service);
    engine::Container canary = TRY(engine::find(world_.paths, id));
    std::vector<engine::Container> others = TRY(proved(service, {id}));
    if (targets.empty() || others.empty()) return false;
    for (const std::string& target : targets) {
        std::vector<engine::GatewayBackend> backends;
        auto add = [&](const engine::Container& container, std::int64_t weight) {
            auto port = listens_on(container.record, port_of(target));
            if (port)
                backends.push_back({.id = container.record.id,
                                    .address = engine::own_address(container.record),
                                    .port = *port,
                                    .weight = weight});
        };
        add(canary, percent * std::ssize(others));
        for (const engine::Container& other : others) add(other, kWhole - percent);
        TRY(gateway->route(target, backends, budget_of(world_, service)));
    }
    sys::UniqueFd life = TRY(sys::open_pidfd(canary.state.pid));
    TRY(gateway->watch(id, engine::own_address(canary.record), life.get()));
    return true;
}

// False: one of the containers has ended meanwhile.
Result<bool> Traffic::lead_once(Gateway& gateway, const std::string& service,
                                const std::set<std::string>& without) const {
    std::set<std::string> targets = targets_of(TRY(gateway.view()), service);
    if (targets.empty()) return true;
    std::vector<engine::Container> containers = TRY(proved(service, without));
    std::vector<sys::UniqueFd> lives;
    std::erase_if(containers, [&](const engine::Container& container) {
        auto life = sys::open_pidfd(container.state.pid);
        // The number alone could be another's by now.
        bool lives_on = life && runtime::is_alive(container.state.pid, container.state.start_time);
        if (lives_on) lives.push_back(std::move(*life));
        return !lives_on;
    });
    for (const std::string& target : targets) {
        std::vector<engine::GatewayBackend> backends;
        for (const engine::Container& container : containers)
            if (auto port = listens_on(container.record, port_of(target)))
                backends.push_back({.id = container.record.id,
                                    .address = engine::own_address(container.record),
                                    .port = *port});
        TRY(gateway.route(target, backends, budget_of(world_, service)));
    }
    for (std::size_t i = 0; i < containers.size(); ++i)
        TRY(gateway.watch(containers[i].record.id, engine::own_address(containers[i].record),
                          lives[i].get()));
    return std::ranges::all_of(containers, [](const engine::Container& container) {
        return runtime::is_alive(container.state.pid, container.state.start_time);
    });
}

Result<void> Traffic::take_out(const engine::Container& container) const {
    TRY(lead(label_of(container.record.labels, kServiceLabel), {container.record.id}));
    crash_point("deploy.led");
    if (served_ports(container.record).empty()) return {};
    auto gateway = TRY(Gateway::find(world_.paths, world_.desired.project));
    if (!gateway) return {};
    milliseconds grace = grace_of(world_, container);
    std::int64_t cut = TRY(gateway->drain(container.record.id, grace));
    if (cut != 0)
        world_.hooks.warn("container " + engine::shown_name(container.record) + ": " +
                          std::to_string(cut) + " requests or connections did not end within " +
                          std::to_string(grace.count()) + " ms and were cut");
    return {};
}

Result<void> Traffic::end_if_unused() const {
    auto gateway = TRY(Gateway::find(world_.paths, world_.desired.project));
    if (!gateway || !TRY(gateway->view()).listeners.empty()) return {};
    return gateway->stop(milliseconds(0));
}

std::set<std::uint16_t> Traffic::answering(const engine::Container& container) const {
    std::set<std::uint16_t> ports;
    if (container.state.status != engine::Status::running) return ports;
    for (std::uint16_t port : served_ports(container.record)) {
        // One that ends at this moment answers nowhere.
        auto accepts =
            engine::local::accepts(container, listens_on(container.record, port).value_or(port));
        if (accepts && *accepts == engine::local::Accepts::yes) ports.insert(port);
    }
    return ports;
}

Result<std::set<std::uint16_t>> Traffic::answering_beside(const std::string& service,
                                                          const std::string& id) const {
    std::set<std::uint16_t> ports;
    for (const engine::Container& container : TRY(running(service)))
        if (container.record.id != id) ports.merge(answering(container));
    return ports;
}

std::set<std::uint16_t> Traffic::may_speak_http(const engine::Container& container,
                                                const std::set<std::uint16_t>& ports) const {
    auto service =
        std::ranges::find(world_.desired.services, label_of(container.record.labels, kServiceLabel),
                          &DesiredService::name);
    if (service == world_.desired.services.end()) return {};
    std::set<std::uint16_t> found = relayed_ports(*service, served_ports(container.record));
    std::erase_if(found, [&](std::uint16_t port) { return !ports.contains(port); });
    return found;
}

bool Traffic::answers_http(const std::string& id, const std::set<std::uint16_t>& ports) const {
    auto container = engine::find(world_.paths, id);
    if (!container || container->state.paused) return false;
    return std::ranges::any_of(may_speak_http(*container, ports), [&](std::uint16_t port) {
        auto answers = engine::local::answers_http(
            *container, listens_on(container->record, port).value_or(port));
        return answers && *answers;
    });
}

bool Traffic::answers_http_beside(const std::string& id,
                                  const std::set<std::uint16_t>& ports) const {
    auto container = engine::find(world_.paths, id);
    if (!container) return false;
    auto others = running(label_of(container->record.labels, kServiceLabel));
    return others && std::ranges::any_of(*others, [&](const engine::Container& other) {
               return other.record.id != id && answers_http(other.record.id, ports);
           });
}

}  // namespace crank::deploy
