#include "engine/local/network_plan.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/text.h"
#include "engine/egress.h"
#include "engine/lifecycle.h"
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
    if (options.network == NetworkMode::none)
        return fail(Error(Code::invalid_argument,
                          "--publish with --network none: the container has no network")
                        .with_hint("leave out --network none"));
    if (options.network == NetworkMode::container)
        return fail(Error(Code::invalid_argument,
                          "--publish with --network container: the ports are that container's")
                        .with_hint("publish them there"));
    for (const network::PortSpec& port : options.ports)
        if (port.protocol != "tcp")
            return fail(Code::unsupported, "--publish " + std::to_string(port.container_port) +
                                               "/" + port.protocol + ": only tcp is supported yet");
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
        for (const PublishedPort& taken : container.record.ports)
            if (taken.host_port == port.host_port)
                return Error(Code::already_exists, "port " + std::to_string(port.host_port) +
                                                       " is published by container " +
                                                       container.record.name)
                    .with_hint("crank rm -f " + container.record.name + ", or another port: -p " +
                               std::to_string(port.host_port + 1) + ":" +
                               std::to_string(port.container_port));
    }
    return error;
}

// When every address is taken, those of containers that crashed are taken back first.
Result<network::Attachment> take_lease(const Paths& paths, const network::BridgeConfig& bridge,
                                       const std::string& id, const std::string& wanted) {
    Result<network::Attachment> lease = network::lease(bridge, id, wanted);
    bool taken = !lease && (lease.error().code() == Code::exhausted ||
                            lease.error().code() == Code::already_exists);
    if (!taken) return lease;
    auto lives = [&](const std::string& holder) {
        return sys::exists(paths.container(holder)) || sys::exists(paths.monitor(holder));
    };
    if (TRY(network::sweep_leases(bridge, lives)) == 0) return lease;
    return network::lease(bridge, id, wanted);
}

}  // namespace

bool has_namespace(NetworkMode mode) {
    return mode == NetworkMode::bridge || mode == NetworkMode::none;
}

sys::NetworkNamespaceToCome begin_namespace(const RunOptions& options) {
    NetworkMode mode = options.network;
    if (!has_namespace(mode) || wants_own_ids(options)) return {};
    // On a bridge lo comes up together with the other device.
    return sys::begin_network_namespace(mode == NetworkMode::none ? sys::Loopback::up
                                                                  : sys::Loopback::down);
}

network::BridgeConfig bridge_of(const Paths& paths, const Config& config) {
    return {.device = config.text("network.device"),
            .subnet = config.text("network.subnet"),
            .state_dir = paths.network()};
}

namespace {

// Of an ordinary user: the bridge lies in a namespace of its own, which pasta leads out of.
Result<> use_own_network(const StartRequest& request, Record& record, NetworkPlan& plan) {
    std::optional<Kept> kept = TRY(find_kept(request.paths));
    if (!kept) return {};
    plan.home = std::move(kept->network);
    plan.bridge.home = plan.home.get();
    std::string warning = TRY(ensure_egress(request.paths, plan.bridge.home));
    plan.has_resolver = warning.empty();
    if (!warning.empty()) record.warnings.push_back(std::move(warning));
    return {};
}

}  // namespace

Result<> check_network(const StartRequest& request) {
    const RunOptions& options = request.options;
    TRY(check_ports(options));
    if (options.ports.empty() || options.restart.kind == RestartPolicy::Kind::no) return {};
    // The monitor would open them where it is, beside the bridge.
    if (!TRY(sys::own_user_namespace()).initial)
        return fail(Error(Code::unsupported,
                          "--restart with --publish needs root: without it a monitor cannot open "
                          "ports of this machine")
                        .with_hint("leave out --restart"));
    return {};
}

Result<NetworkPlan> plan_network(const StartRequest& request, Record& record) {
    const RunOptions& options = request.options;
    TRY(check_network(request));
    NetworkPlan plan;
    plan.bridge = bridge_of(request.paths, request.config);
    if (options.network == NetworkMode::host && !options.ports.empty())
        record.warnings.emplace_back(
            "published ports are of no use with --network host: the worker's own are the host's");
    if (options.network != NetworkMode::bridge) return plan;
    std::vector<std::uint16_t> container_ports;
    for (const network::PortSpec& port : options.ports) {
        auto listeners = network::listen_on(port, request.config.text("publish.address"));
        if (!listeners)
            return fail(name_the_container(request.paths, port, std::move(listeners).error()));
        for (network::Listener& listener : *listeners) {
            record.ports.push_back(
                {listener.host_ip, listener.host_port, listener.container_port, port.protocol});
            container_ports.push_back(listener.container_port);
            plan.listeners.push_back(std::move(listener.fd));
        }
    }
    TRY(use_own_network(request, record, plan));
    network::Attachment attachment =
        TRY(take_lease(request.paths, plan.bridge, record.id, options.settings.ip));
    record.warnings.insert(record.warnings.end(), attachment.warnings.begin(),
                           attachment.warnings.end());
    record.network.address = attachment.address;
    record.network.prefix = attachment.prefix;
    record.network.gateway = attachment.gateway;
    record.network.mac = attachment.mac;
    record.network.host_device = attachment.host_device;
    record.network.lease_path = attachment.lease_path;
    std::uint32_t address = TRY(parse_ipv4(attachment.address));
    for (std::uint16_t port : container_ports) plan.targets.push_back({address, port});
    plan.attachment = std::move(attachment);
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
    if (options.network != NetworkMode::bridge)
        return "network: " + std::string(network_name(options.network)) +
               (options.settings.network_of.empty() ? "" : " " + options.settings.network_of) +
               "\n";
    std::string text = "network: an address on bridge " +
                       network::device_of(bridge_of(request.paths, request.config)) + "\n";
    for (const network::PortSpec& port : options.ports)
        text += "publish " + shown(port, request.config) + "\n";
    return text;
}

}  // namespace crank::engine::local
