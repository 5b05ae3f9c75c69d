#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>

#include "base/text.h"
#include "base/undo.h"
#include "network/bridge.h"
#include "network/host.h"
#include "network/lease.h"
#include "network/network.h"
#include "network/subnet.h"
#include "sys/file.h"
#include "sys/netns.h"
#include "sys/rtnetlink.h"

namespace crank::network {

namespace {

constexpr std::chrono::milliseconds kLinkDeadline{2000};
constexpr std::chrono::milliseconds kLinkPause{1};

// Unique among the devices of the host, since the address is: "crk0a580002".
std::string host_device_of(sys::Ipv4 address) {
    char name[16];
    std::snprintf(name, sizeof name, "crk%08x", address.value);
    return name;
}

// Opens a socket inside, and sees to it that the device will be born without IPv6 (CVE-2024-32473),
// or with that of its network alone: a neighbour is no router. lo exists already and keeps it.
Result<sys::RouteSocket> enter(int namespace_fd, bool ipv6) {
    std::optional<sys::RouteSocket> socket;
    TRY(sys::run_in_network_namespace(namespace_fd, [&]() -> Result<> {
        const std::string knobs = "/proc/sys/net/ipv6/conf/default/";
        auto written = sys::write_knob(knobs + "disable_ipv6", ipv6 ? "0" : "1");
        if (!written && (ipv6 || written.error().code() != Code::not_found)) return written;
        if (ipv6) TRY(sys::write_knob(knobs + "accept_ra", "0"));
        socket = TRY(sys::RouteSocket::open());
        return {};
    }));
    return std::move(*socket);
}

// Until the device is gone, at most the deadline.
void wait_gone(Host& host, const std::string& device) {
    const auto deadline = std::chrono::steady_clock::now() + kLinkDeadline;
    while (std::chrono::steady_clock::now() < deadline && host.route.link(device))
        std::this_thread::sleep_for(kLinkPause);
}

Result<> create_veth(Host& host, const sys::VethRequest& request) {
    auto create = [&] {
        sys::RouteChanges changes;
        changes.add_veth(request);
        return host.route.apply(changes);
    };
    auto created = create();
    if (created || created.error().code() != Code::already_exists) return created;
    // The address is leased to this container alone, so a device of its name is what a namespace
    // left behind that is just going. Only a tiny subnet comes back to it so soon. (It is not
    // removed by force: should the leases be lost, it is another container's.)
    wait_gone(host, request.host_name);
    return create();
}

// Asking for a device's state makes the kernel work off what it has deferred about it. Without this
// up to half of the first packets were found to come a second late: a bridge port or a device that
// only seems up drops them, and ARP tries again after a second.
Result<> wait_until_operational(Host& host, const std::string& device, int bridge_index,
                                sys::RouteSocket& inside, int inside_index) {
    const auto deadline = std::chrono::steady_clock::now() + kLinkDeadline;
    while (true) {
        bool ready = TRY(host.route.link(device)).operational;
        ready = TRY(inside.link(inside_index)).operational && ready;
        ready = TRY(host.route.link(bridge_index)).operational && ready;
        if (ready) return {};
        if (std::chrono::steady_clock::now() > deadline) {
            return fail(Code::deadline_exceeded,
                        "the network device " + device + " did not come up within 2 s");
        }
        std::this_thread::sleep_for(kLinkPause);
    }
}

void add_default_routes(const Attachment& attachment, int index, sys::RouteChanges& changes) {
    if (auto gateway = sys::parse_ipv4(attachment.gateway))
        changes.add_default_route(*gateway, index);
    if (auto gateway = sys::parse_ipv6(attachment.gateway6))
        changes.add_default_route(*gateway, index);
}

// Where the host's rules see what passes within a bridge (br_netfilter), what a container sends to
// its own service's address does not leave the bridge before it goes back to it.
Result<> configure_port(Host& host, const BridgeConfig& config, const std::string& device) {
    constexpr const char* kSeen = "/proc/sys/net/bridge/bridge-nf-call-iptables";
    sys::RouteChanges changes;
    if (!config.between) {
        changes.isolate_port(device);
        return host.route.apply(changes);
    }
    // On the default network there are no services.
    if (config.definition.empty() || !sys::exists(kSeen)) return {};
    if (trim(TRY(sys::read_file(kSeen, 16))) != "1") return {};
    changes.reflect_port(device);
    return host.route.apply(changes);
}

Result<> connect_device(Host& host, const BridgeConfig& config, const Bridge& bridge,
                        const Attachment& attachment, int namespace_fd, Undo& undo) {
    auto address = sys::parse_ipv4(attachment.address);
    if (!address || !bridge.subnet.contains(*address)) {
        return fail(Code::failed_precondition, "the address " + attachment.address +
                                                   " is none of the bridge's range " +
                                                   bridge.subnet.text());
    }
    auto inside = TRY(enter(namespace_fd, !attachment.address6.empty()));
    sys::VethRequest request;
    request.host_name = attachment.host_device;
    request.bridge_index = bridge.index;
    request.peer_name = attachment.device;
    request.peer_namespace = namespace_fd;
    request.peer_mac = mac_of(*address);
    request.mtu = bridge.mtu;
    TRY(create_veth(host, request));
    undo.add([&host, name = request.host_name]() -> Result<> {
        sys::RouteChanges changes;
        changes.remove_link(name);
        return host.route.apply(changes);
    });
    TRY(configure_port(host, config, request.host_name));
    const int index = TRY(inside.link(attachment.device)).index;
    sys::RouteChanges configure;
    configure.set_up(sys::kLoopbackIndex, "lo");
    configure.set_up(index, attachment.device);
    configure.add_address(index, *address, bridge.subnet.length);
    auto address6 = sys::parse_ipv6(attachment.address6);
    if (address6) configure.add_address(index, *address6, attachment.prefix6);
    if (attachment.leads_out) add_default_routes(attachment, index, configure);
    TRY(inside.apply(configure));
    return wait_until_operational(host, request.host_name, bridge.index, inside, index);
}

}  // namespace

Result<Host> Host::open() {
    return Host{TRY(sys::RouteSocket::open()), TRY(sys::NftSocket::open())};
}

namespace {

// The directory is there but where somebody has tidied up.
template <class Take>
auto take_with(const BridgeConfig& config, Take take) -> decltype(take()) {
    auto taken = take();
    if (taken || taken.error().code() != Code::not_found) return taken;
    TRY(prepare_leases(config.state_dir));
    return take();
}

Result<> lease6_here(const BridgeConfig& config, const Lease& lease, const Pool& pool,
                     const WantedAddresses& wanted, Attachment& attachment) {
    if (config.subnet6.empty()) {
        if (wanted.ip6.empty()) return {};
        return fail(
            Error(Code::invalid_argument, "--ip6 " + wanted.ip6 + ": the network has no IPv6")
                .with_hint("crank network create --ipv6 NAME makes one that has"));
    }
    auto subnet = sys::parse_ipv6_prefix(config.subnet6);
    auto gateway = sys::parse_ipv6(config.gateway6);
    if (!subnet || !gateway) return fail(Code::corrupt, "no IPv6 range: " + config.subnet6);
    Lease6 lease6 = TRY(take_lease6(config.state_dir, *subnet, *gateway, attachment.container_id,
                                    wanted.ip6, lease.address.value - pool.subnet.base.value));
    attachment.address6 = lease6.address.text();
    attachment.prefix6 = subnet->length;
    attachment.gateway6 = config.gateway6;
    attachment.lease6_path = lease6.path;
    return {};
}

Result<Attachment> lease_here(const BridgeConfig& config, std::string_view container_id,
                              const WantedAddresses& wanted) {
    KnownSubnet known = TRY(known_subnet(config));
    Attachment attachment;
    if (!known.subnet) {
        known.lock.reset();
        Host host = TRY(Host::open());
        Bridge bridge = TRY(ensure_bridge(host, config));
        known = {bridge.subnet, std::move(bridge.lock)};
        attachment.warnings = std::move(bridge.warnings);
    }
    const Pool pool = pool_of(config, *known.subnet);
    Lease lease = TRY(take_with(config, [&] {
        return wanted.ip.empty()
                   ? take_lease(config.state_dir, pool, container_id)
                   : take_wanted_lease(config.state_dir, pool, container_id, wanted.ip);
    }));
    attachment.address = lease.address.text();
    attachment.prefix = known.subnet->length;
    attachment.gateway = pool.gateway.text();
    attachment.mac = sys::format_mac(mac_of(lease.address));
    attachment.host_device = host_device_of(lease.address);
    attachment.container_id = container_id;
    attachment.lease_path = lease.path;
    auto leased6 = lease6_here(config, lease, pool, wanted, attachment);
    if (leased6) return attachment;
    Undo undo;
    undo.add([&] { return release(attachment); });
    return fail(undo.run(std::move(leased6).error()));
}

Result<> connect_here(const BridgeConfig& config, const Attachment& attachment, int namespace_fd) {
    Host host = TRY(Host::open());
    Bridge bridge = TRY(ensure_bridge(host, config));
    Undo undo;
    auto connected = connect_device(host, config, bridge, attachment, namespace_fd, undo);
    if (!connected) return fail(undo.run(std::move(connected).error()));
    undo.commit();
    return {};
}

}  // namespace

Result<> beside_bridge(const BridgeConfig& bridge, const std::function<Result<>()>& work) {
    return bridge.home < 0 ? work() : sys::run_in_network_namespace(bridge.home, work);
}

Result<Attachment> lease(const BridgeConfig& given, std::string_view container_id,
                         const WantedAddresses& wanted) {
    const BridgeConfig config = TRY(complete(given));
    std::optional<Attachment> taken;
    TRY(beside_bridge(config, [&]() -> Result<> {
        taken = TRY(lease_here(config, container_id, wanted));
        return {};
    }));
    return std::move(*taken);
}

Result<> connect(const BridgeConfig& given, const Attachment& attachment, int namespace_fd) {
    const BridgeConfig config = TRY(complete(given));
    return beside_bridge(config, [&] { return connect_here(config, attachment, namespace_fd); });
}

Result<Attachment> attach(const BridgeConfig& config, std::string_view container_id,
                          int namespace_fd) {
    Attachment attachment = TRY(lease(config, container_id));
    auto connected = connect(config, attachment, namespace_fd);
    if (connected) return attachment;
    Undo undo;
    undo.add([&] { return release(attachment); });
    return fail(undo.run(std::move(connected).error()));
}

Result<> release(const Attachment& attachment) {
    if (!attachment.lease6_path.empty())
        TRY(drop_lease(attachment.lease6_path, attachment.container_id));
    return drop_lease(attachment.lease_path, attachment.container_id);
}

namespace {

// The device itself says where the routes went: they go with it.
Result<> remove_device(const Attachment& attachment) {
    Host host = TRY(Host::open());
    sys::RouteChanges changes;
    changes.remove_link(attachment.host_device);
    auto removed = host.route.apply(changes);
    // ENODEV has no code of its own.
    if (!removed && !host.route.link(attachment.host_device)) return {};
    return removed;
}

}  // namespace

Result<> disconnect(const BridgeConfig& bridge, const Attachment& attachment, int namespace_fd,
                    const Attachment* successor) {
    TRY(beside_bridge(bridge, [&] { return remove_device(attachment); }));
    if (successor == nullptr) return {};
    auto inside = TRY(sys::RouteSocket::open_in(namespace_fd));
    sys::RouteChanges routes;
    add_default_routes(*successor, TRY(inside.link(successor->device)).index, routes);
    auto led = inside.apply(routes);
    // Of one that was killed after this.
    if (!led && led.error().code() == Code::already_exists) return {};
    return led;
}

Result<std::size_t> sweep_leases(
    const BridgeConfig& config, const std::function<bool(const std::string& container_id)>& alive) {
    return drop_dead_leases(config.state_dir, alive);
}

}  // namespace crank::network
