#include "engine/local/network_plan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "base/undo.h"
#include "engine/egress.h"
#include "engine/lifecycle.h"
#include "engine/local/files.h"
#include "engine/pasta_options.h"
#include "engine/rootless.h"
#include "sys/file.h"
#include "sys/own_user_namespace.h"

namespace crank::engine::local {
namespace {

// "10.88.0.2" in network byte order.
Result<std::uint32_t> parse_ipv4(const std::string& text) {
    std::array<std::uint8_t, 4> bytes{};
    std::vector<std::string> parts = split(text, '.');
    for (std::size_t i = 0; i < parts.size() && parts.size() == bytes.size(); ++i) {
        auto number = parse_int(parts[i]);
        if (!number || *number < 0 || *number > 255) break;
        bytes[i] = static_cast<std::uint8_t>(*number);
        if (i + 1 == bytes.size()) {
            std::uint32_t address;
            std::memcpy(&address, bytes.data(), sizeof address);
            return address;
        }
    }
    return fail(Code::internal, "the leased address \"" + text + "\" is no IPv4 address");
}

Result<> check_ports(const RunOptions& options) {
    if (options.ports.empty()) return {};
    if (options.network == NetworkMode::container)
        return fail(Error(Code::invalid_argument,
                          "--publish with --network container: the ports are that container's")
                        .with_hint("publish them there"));
    return {};
}

std::string shown(const network::PortSpec& port, const Config& config) {
    std::string ip = port.host_ip.empty() ? config.text("publish.address") : port.host_ip;
    std::string host = port.host_port == 0 ? "a free port" : std::to_string(port.host_port);
    return ip + " " + host + " -> " + std::to_string(port.container_port) + "/" + port.protocol;
}

// A monitor has the port: says of which container. Looks at all of them, on the way to an error.
Error name_the_container(const Paths& paths, const network::PortSpec& port, Error error) {
    if (error.code() != Code::already_exists || port.host_port == 0) return error;
    Result<std::vector<Container>> containers = list(paths);
    if (!containers) return error;
    for (const Container& container : *containers) {
        if (container.state.status != Status::running) continue;
        for (const PublishedPort& taken : published_ports(container.record))
            if (taken.host_port == port.host_port && taken.protocol == port.protocol)
                return Error(Code::already_exists, "port " + std::to_string(port.host_port) +
                                                       " is published by container " +
                                                       container.record.name)
                    .with_hint("crank rm -f " + container.record.name + ", or another port: -p " +
                               std::to_string(port.host_port + 1) + ":" +
                               std::to_string(port.container_port));
    }
    return error;
}

}  // namespace

Result<std::vector<network::Listener>> listen_on_host(const Paths& paths, const Config& config,
                                                      const network::PortSpec& port) {
    auto listeners = network::listen_on(port, config.text("publish.address"));
    if (!listeners) return fail(name_the_container(paths, port, std::move(listeners).error()));
    return listeners;
}

sys::NetworkNamespaceToCome begin_namespace(const RunOptions& options) {
    NetworkMode mode = options.network;
    if (!has_own_network(mode) || wants_own_ids(options)) return {};
    // On a bridge lo comes up together with the other device.
    return sys::begin_network_namespace(mode == NetworkMode::bridge ? sys::Loopback::down
                                                                    : sys::Loopback::up);
}

namespace {

bool wants_egress(const StartRequest& request);

// Of an ordinary user: the bridge lies in a namespace of its own, which pasta leads out of.
Result<> use_own_network(const StartRequest& request, Record& record, NetworkPlan& plan) {
    std::optional<Kept> kept = TRY(find_kept(request.paths));
    if (!kept) return {};
    plan.home = std::move(kept->network);
    plan.bridge.home = plan.home.get();
    if (!wants_egress(request)) return {};
    std::string warning = TRY(ensure_egress(request.paths, plan.bridge.home));
    if (warning.empty()) plan.resolver = kEgressResolver;
    if (!warning.empty()) record.warnings.push_back(std::move(warning));
    return {};
}

Result<> check_own_way(const RunOptions& options) {
    if (options.network != NetworkMode::pasta) return {};
    if (wants_own_ids(options))
        return fail(Error(Code::unsupported,
                          "--network pasta with --userns=auto or --sandbox strict: pasta leads out "
                          "of namespaces of crank's own ids alone")
                        .with_hint("leave out --network pasta"));
    if (!TRY(sys::own_user_namespace()).initial) return {};
    return fail(Error(Code::unsupported,
                      "--network pasta is for containers of an ordinary user: root's have a bridge")
                    .with_hint("leave out --network pasta"));
}

}  // namespace

Result<> check_network(const StartRequest& request) {
    const RunOptions& options = request.options;
    TRY(check_ports(options));
    TRY(check_own_way(options));
    bool by_health = options.health.on_unhealthy == OnUnhealthy::restart;
    bool by_policy = options.restart.kind != RestartPolicy::Kind::no;
    if (!by_policy && !by_health) return {};
    std::string flag = by_policy ? "--restart" : "--on-unhealthy=restart";
    // The monitor is in the container's network, and that is where pasta would lead to.
    if (options.network == NetworkMode::pasta)
        return fail(Error(Code::unsupported,
                          flag + " with --network pasta: a monitor cannot lead out of this "
                                 "machine's network once more")
                        .with_hint("leave out " + flag + ", or --network pasta"));
    if (options.ports.empty()) return {};
    // The monitor would open them where it is, beside the bridge.
    if (!TRY(sys::own_user_namespace()).initial)
        return fail(Error(Code::unsupported,
                          flag + " with --publish needs root: without it a monitor cannot open "
                                 "ports of this machine")
                        .with_hint("leave out " + flag));
    return {};
}

namespace {

Result<> bind_ports(const StartRequest& request, Record& record, NetworkPlan& plan,
                    std::vector<PublishedPort>& bound) {
    for (const network::PortSpec& port : request.options.ports) {
        for (network::Listener& listener :
             TRY(listen_on_host(request.paths, request.config, port))) {
            bound.push_back(
                {listener.host_ip, listener.host_port, listener.container_port, port.protocol});
            plan.listeners.push_back(std::move(listener.fd));
        }
    }
    record.ports.insert(record.ports.end(), bound.begin(), bound.end());
    return {};
}

// In their order, or none at all.
Result<> join_networks(const StartRequest& request, const Record& record, NetworkPlan& plan) {
    const RunOptions& options = request.options;
    std::vector<EndpointRecord> wanted;
    for (const NetworkUse& use : options.networks)
        wanted.push_back({.network = use.name,
                          .network_id = {},
                          .aliases = use.aliases,
                          .wanted_ip = use.ip,
                          .wanted_ip6 = use.ip6});
    if (wanted.empty())
        wanted.push_back({.network = std::string(networks::kDefaultNetwork),
                          .network_id = {},
                          .wanted_ip = options.settings.ip});
    networks::Guest guest = networks::guest_of(record);
    for (const EndpointRecord& one : wanted) {
        auto joined = networks::join(request.paths, request.config, guest, one, plan.bridge.home);
        if (!joined) {
            Undo undo;
            undo.add([&] { return leave_networks(plan.endpoints); });
            return fail(undo.run(std::move(joined).error()));
        }
        plan.endpoints.push_back(std::move(*joined));
    }
    networks::arrange(plan.endpoints);
    return {};
}

// The monitor asks where crank itself would: it is on this machine, and not in the container.
std::vector<std::string> name_servers(const StartRequest& request, const NetworkPlan& plan) {
    const std::vector<std::string>& chosen = request.options.settings.dns;
    if (!chosen.empty()) return chosen;
    if (!plan.resolver.empty()) return {plan.resolver};
    if (plan.home) return {};
    return name_servers_of(sys::read_file("/etc/resolv.conf", std::size_t{1} << 20).value_or(""));
}

void describe(const NetworkPlan& plan, bool default_alone, Record& record) {
    const EndpointRecord& first = plan.endpoints.front().record;
    record.network = {.mode = first.network,
                      .address = first.address,
                      .gateway = first.gateway,
                      .mac = first.mac,
                      .host_device = first.host_device,
                      .lease_path = first.lease_path,
                      .prefix = first.prefix};
    record.networks.clear();
    for (const networks::Endpoint& endpoint : plan.endpoints) {
        if (!default_alone) record.networks.push_back(endpoint.record);
        for (const std::string& warning : endpoint.attachment.warnings)
            if (std::ranges::find(record.warnings, warning) == record.warnings.end())
                record.warnings.push_back(warning);
    }
}

// What leads out only counts where something is to lead out.
bool wants_egress(const StartRequest& request) {
    const std::vector<NetworkUse>& uses = request.options.networks;
    return uses.empty() || std::ranges::any_of(uses, [&](const NetworkUse& use) {
               if (use.name == networks::kDefaultNetwork) return true;
               auto definition = networks::find(request.paths, use.name);
               return !definition || !definition->internal;
           });
}

}  // namespace

Result<> leave_networks(const std::vector<networks::Endpoint>& endpoints) {
    Result<> first;
    for (const networks::Endpoint& endpoint : endpoints)
        if (Result<> left = networks::leave(endpoint); !left && first) first = std::move(left);
    return first;
}

Result<std::vector<EndpointRecord>> wanted_networks(const Paths& paths, const RunOptions& options) {
    std::vector<EndpointRecord> wanted;
    for (const NetworkUse& use : options.networks) {
        EndpointRecord record{.network = use.name,
                              .network_id = {},
                              .aliases = use.aliases,
                              .wanted_ip = use.ip,
                              .wanted_ip6 = use.ip6};
        if (use.name != networks::kDefaultNetwork) {
            networks::Definition definition = TRY(networks::find(paths, use.name));
            record.network = definition.name;
            record.network_id = definition.id;
        }
        wanted.push_back(std::move(record));
    }
    return wanted;
}

networks::Told told_of(const NetworkPlan& plan, std::uint16_t port) {
    networks::Told told{.networks = {}, .links = {}, .port = port};
    for (const networks::Endpoint& endpoint : plan.endpoints) {
        told.networks.push_back(endpoint.record);
        told.links.insert(told.links.end(), endpoint.names.begin(), endpoint.names.end());
        told.asks_others = told.asks_others || !endpoint.bridge.internal;
    }
    return told;
}

Result<NetworkPlan> plan_network(const StartRequest& request, Record& record) {
    const RunOptions& options = request.options;
    TRY(check_network(request));
    NetworkPlan plan;
    plan.bridge = networks::default_bridge(request.paths, request.config, -1);
    // As Docker has them, these two are no errors.
    if (options.network == NetworkMode::none && !options.ports.empty())
        record.warnings.emplace_back(
            "published ports are of no use with --network none: the container has no network");
    if (options.network == NetworkMode::host && !options.ports.empty())
        record.warnings.emplace_back(
            "published ports are of no use with --network host: the worker's own are the host's");
    bool bridged = options.network == NetworkMode::bridge;
    if (!bridged && options.network != NetworkMode::pasta) return plan;
    std::vector<PublishedPort> bound;
    TRY(bind_ports(request, record, plan, bound));
    if (!bridged) return plan;
    TRY(use_own_network(request, record, plan));
    TRY(join_networks(request, record, plan));
    describe(plan, options.networks.empty(), record);
    plan.answers_names = std::ranges::any_of(plan.endpoints, [](const networks::Endpoint& one) {
        return !one.record.network_id.empty();
    });
    if (plan.answers_names) plan.name_servers = name_servers(request, plan);
    std::uint32_t address = TRY(parse_ipv4(record.network.address));
    for (const PublishedPort& port : bound)
        plan.targets.push_back({address, port.container_port, port.protocol == "udp"});
    return plan;
}

Result<> publish_exposed(const oci::ImageConfig& image, RunOptions& options) {
    if (!options.settings.publish_all) return {};
    std::vector<std::string> exposed = image.config.exposed_ports;
    exposed.insert(exposed.end(), options.settings.expose.begin(), options.settings.expose.end());
    for (const std::string& text : exposed)
        for (network::PortSpec& port : TRY_IN(network::parse_port(text), "--publish-all")) {
            auto same = [&](const network::PortSpec& other) {
                return other.container_port == port.container_port &&
                       other.protocol == port.protocol;
            };
            // Where it is published is not the image's to say.
            port.host_ip.clear();
            port.host_port = 0;
            if (std::ranges::none_of(options.ports, same)) options.ports.push_back(std::move(port));
        }
    return {};
}

std::string explain_network(const StartRequest& request) {
    const RunOptions& options = request.options;
    bool bridged = options.network == NetworkMode::bridge;
    std::string text;
    if (options.network == NetworkMode::pasta)
        text = "network: a way out of its own, pasta " +
               join(pasta_arguments(options.settings.pasta_options), " ") + "\n";
    else if (!bridged)
        return "network: " + std::string(network_name(options.network)) +
               (options.settings.network_of.empty() ? "" : " " + options.settings.network_of) +
               "\n";
    for (const NetworkUse& use : options.networks)
        text += "network: an address and names on " + use.name + "\n";
    if (bridged && options.networks.empty())
        text += "network: an address on bridge " +
                network::device_of(networks::default_bridge(request.paths, request.config, -1)) +
                "\n";
    for (const network::PortSpec& port : options.ports)
        text += "publish " + shown(port, request.config) + "\n";
    return text;
}

}  // namespace crank::engine::local
