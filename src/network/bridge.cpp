#include "network/bridge.h"

#include <algorithm>
#include <chrono>
#include <span>

#include "base/text.h"
#include "base/undo.h"
#include "network/forwarding.h"
#include "network/lease.h"
#include "network/obstacles.h"
#include "network/rules.h"
#include "network/service_file.h"
#include "network/subnet.h"
#include "sys/file.h"
#include "sys/netns.h"

namespace crank::network {

namespace {

constexpr std::chrono::milliseconds kClaimDeadline{2000};
constexpr std::uint32_t kUsualMtu = 1500;
constexpr std::uint32_t kSmallestMtu = 576;  // RFC 791: what every host must take
constexpr int kWholeAddress = 32;

std::string subnet_path(const BridgeConfig& config) { return config.state_dir + "/subnet"; }
std::string lock_path(const BridgeConfig& config) { return config.state_dir + "/lock"; }

std::string alias_of(const BridgeConfig& config) {
    return std::string(kAliasPrefix) + config.state_dir;
}

// Nothing: no subnet has been chosen yet.
Result<std::optional<sys::Ipv4Prefix>> remembered_subnet(const BridgeConfig& config) {
    auto text = sys::read_file(subnet_path(config), 64);
    if (!text && text.error().code() == Code::not_found) return std::optional<sys::Ipv4Prefix>();
    auto subnet = TRY_IN(parse_subnet(trim(TRY(std::move(text)))), subnet_path(config));
    if (!config.subnet.empty() && TRY(parse_subnet(config.subnet)) != subnet) {
        return fail(Error(Code::failed_precondition, "the bridge " + config.device +
                                                         " has subnet " + subnet.text() + ", not " +
                                                         config.subnet)
                        .with_hint("remove all containers of this network first; the bridge is "
                                   "then made anew"));
    }
    return std::optional(subnet);
}

Result<std::optional<sys::Link>> find_device(Host& host, const BridgeConfig& config) {
    auto link = host.route.link(config.device);
    if (!link && link.error().code() == Code::not_found) return std::optional<sys::Link>();
    auto found = TRY(std::move(link));
    if (found.kind == "bridge" && found.alias == alias_of(config)) return std::optional(found);
    std::string owner =
        found.alias.starts_with(kAliasPrefix)
            ? "belongs to the state directory " + found.alias.substr(kAliasPrefix.size())
            : "exists and was not made by crank";
    return fail(
        Error(Code::already_exists, "the network device " + config.device + " " + owner)
            .with_hint("choose another name for the bridge in the configuration: network.device"));
}

// What it takes for packets to pass from and to other devices.
std::vector<Family> forwarded(const BridgeConfig& config) {
    if (config.internal) return {};
    if (config.subnet6.empty()) return {Family::ip};
    return {Family::ip, Family::ip6};
}

// On an internal network what comes to a service passes from the bridge to itself: its device
// alone forwards, and the rules keep it from leading elsewhere.
bool leads_within(const BridgeConfig& config) {
    return config.internal && sys::exists(services_dir(config.state_dir));
}

Result<bool> is_forwarded(const BridgeConfig& config) {
    for (Family family : forwarded(config))
        if (!TRY(is_forwarding(family))) return false;
    return !leads_within(config) || TRY(device_forwards(config.device));
}

// The bridge if everything about it is as it should be.
Result<std::optional<Bridge>> find_ready(Host& host, const BridgeConfig& config) {
    auto subnet = TRY(remembered_subnet(config));
    auto link = TRY(find_device(host, config));
    if (!subnet || !link || !link->up || !TRY(has_rules(host, config)) ||
        !TRY(is_forwarded(config)))
        return std::optional<Bridge>();
    return std::optional(
        Bridge{link->index, link->mtu, *subnet, gateway_in(config, *subnet), {}, {}});
}

// Everything that has an address of this host or a way to it.
Result<std::vector<sys::Ipv4Prefix>> taken_ranges(Host& host) {
    auto taken = TRY(host.route.addresses());
    for (const auto& route : TRY(host.route.routes())) taken.push_back(route.destination);
    return taken;
}

Result<> check_overlap(const sys::Ipv4Prefix& subnet, std::span<const sys::Ipv4Prefix> taken) {
    auto other = find_overlap(subnet, taken);
    if (!other) return {};
    return fail(Error(Code::in_use, "subnet " + subnet.text() + " overlaps " + other->text() +
                                        ", which this host has a route to")
                    .with_hint("choose another subnet (network.subnet of the configuration, or "
                               "--subnet), or none: crank finds one; the routes: ip route show "
                               "table all"));
}

Result<sys::Ipv4Prefix> decide_subnet(Host& host, const BridgeConfig& config,
                                      const std::optional<sys::Link>& device) {
    auto known = TRY(remembered_subnet(config));
    if (device) {
        if (known) return *known;
        // The state was lost and the device is still there, perhaps with containers.
        for (const sys::Ipv4Prefix& own : TRY(host.route.addresses(device->index)))
            if (own.length < kWholeAddress) return own;
    }
    auto taken = TRY(taken_ranges(host));
    if (!known && config.subnet.empty()) return choose_subnet(taken);
    auto subnet = known ? *known : TRY(parse_subnet(config.subnet));
    TRY(check_overlap(subnet, taken));
    return subnet;
}

// No packet that a container may send is too large for the way out (a cloud's or a VPN's).
Result<std::uint32_t> decide_mtu(Host& host) {
    std::uint32_t mtu = kUsualMtu;
    for (const auto& route : TRY(host.route.routes())) {
        if (route.destination.length != 0 || route.device == 0) continue;
        auto link = host.route.link(route.device);
        if (link && link->mtu >= kSmallestMtu) mtu = std::min(mtu, link->mtu);
    }
    return mtu;
}

// Without a range of IPv6 addresses there is none at all: containers must not reach the host by
// link-local addresses that no rule of ours knows. And never do they hand routes to it by router
// advertisements (CVE-2020-13401).
Result<> configure_ipv6(const BridgeConfig& config) {
    std::string knobs = "/proc/sys/net/ipv6/conf/" + config.device;
    bool wanted = !config.subnet6.empty();
    if (!sys::exists(knobs)) {
        if (!wanted) return {};
        return fail(Error(Code::unsupported, "this kernel has no IPv6")
                        .with_hint("a network without --ipv6"));
    }
    TRY(sys::write_knob(knobs + "/accept_ra", "0"));
    return sys::write_knob(knobs + "/disable_ipv6", wanted ? "0" : "1");
}

Result<sys::Link> create_device(Host& host, const BridgeConfig& config,
                                const sys::Ipv4Prefix& subnet) {
    sys::BridgeRequest request;
    request.name = config.device;
    request.mac = mac_of(gateway_in(config, subnet));
    request.mtu = config.mtu != 0 ? config.mtu : TRY(decide_mtu(host));
    sys::RouteChanges create;
    create.add_bridge(request);
    create.set_alias(config.device, alias_of(config));
    TRY(host.route.apply(create));
    auto device = TRY(find_device(host, config));
    if (!device) return fail(Code::io, "the bridge " + config.device + " is gone again");
    TRY(configure_ipv6(config));
    return *device;
}

// Bridges without a container whose state directory is gone (a test's that was killed) give their
// ranges back. Should one be in use after all, its next start makes it anew.
Result<> remove_abandoned(Host& host) {
    for (const sys::Link& link : TRY(host.route.links())) {
        if (link.kind != "bridge" || link.operational || !link.alias.starts_with(kAliasPrefix))
            continue;
        BridgeConfig abandoned{
            .device = link.name, .subnet = "", .state_dir = link.alias.substr(kAliasPrefix.size())};
        if (sys::exists(abandoned.state_dir)) continue;
        sys::RouteChanges changes;
        changes.remove_link(link.name);
        TRY(host.route.apply(changes));
        TRY(remove_rules(host, abandoned));
    }
    return {};
}

// Address and switch of a device that may be half made; adding an address twice is no error here.
Result<> configure_device(Host& host, const BridgeConfig& config, const sys::Link& device,
                          const sys::Ipv4Prefix& subnet, const std::vector<Service>& services) {
    auto present = TRY(host.route.addresses(device.index));
    sys::RouteChanges changes;
    if (std::ranges::find(present, subnet) == present.end())
        changes.add_address(device.index, gateway_in(config, subnet), subnet.length);
    auto gateway6 = sys::parse_ipv6(config.gateway6);
    auto subnet6 = sys::parse_ipv6_prefix(config.subnet6);
    if (gateway6 && subnet6) changes.add_address(device.index, *gateway6, subnet6->length);
    for (const Service& service : services) {
        auto address = sys::parse_ipv4(service.address);
        bool is_there =
            !address ||
            std::ranges::find(present, sys::Ipv4Prefix{*address, kWholeAddress}) != present.end();
        if (!is_there) changes.add_address(device.index, *address, kWholeAddress);
    }
    changes.set_up(device.index, device.name);
    return host.route.apply(changes);
}

Result<Bridge> set_up(Host& host, const BridgeConfig& config, Undo& undo) {
    // Commands with other state directories choose their ranges one after the other.
    sys::UniqueFd claim = TRY(sys::lock_network_namespace(kClaimDeadline));
    (void)remove_abandoned(host);  // tidying up for others is no reason to fail
    auto device = TRY(find_device(host, config));
    auto subnet = TRY(decide_subnet(host, config, device));
    TRY(prepare_leases(config.state_dir));
    if (!device) {
        undo.add([&host, &config] { return remove_rules(host, config); });
        undo.add([&host, &config]() -> Result<> {
            sys::RouteChanges changes;
            changes.remove_link(config.device);
            return host.route.apply(changes);
        });
        device = TRY(create_device(host, config, subnet));
    }
    auto services = TRY(services_in_force(config.state_dir));
    TRY(configure_device(host, config, *device, subnet, services));
    // Before the host forwards: rules first, then the gate.
    TRY(put_rules(host, config, subnet, services));
    for (Family family : forwarded(config))
        if (!TRY(is_forwarding(family))) TRY(enable_forwarding(host, config.state_dir, family));
    if (leads_within(config)) TRY(let_device_forward(config.device));
    // Last, since it says that the rest is there.
    TRY(sys::write_file_atomic(subnet_path(config), subnet.text() + "\n", 0644, sys::Sync::no));
    // What may be wrong with the host's own rules is worth a word, and no reason to fail.
    std::vector<std::string> obstacles;
    if (!config.internal)
        obstacles = find_obstacles(host, config.device).value_or(std::vector<std::string>{});
    return Bridge{device->index,        device->mtu, subnet, gateway_in(config, subnet),
                  std::move(obstacles), {}};
}

// Whoever removes a network takes its definition away under the lock.
Result<> check_defined(const BridgeConfig& config) {
    if (config.definition.empty() || sys::exists(config.definition)) return {};
    return fail(
        Error(Code::not_found, "the network has just been removed").with_hint("crank network ls"));
}

Result<sys::UniqueFd> lock_state(const BridgeConfig& config, sys::LockMode mode) {
    auto lock = sys::lock_file(lock_path(config), mode);
    if (!lock && lock.error().code() == Code::not_found) {
        // The directory is there but for the very first time.
        TRY(check_defined(config));
        TRY(sys::make_dirs(config.state_dir));
        lock = sys::lock_file(lock_path(config), mode);
    }
    if (lock) TRY(check_defined(config));
    return lock;
}

}  // namespace

Result<KnownSubnet> known_subnet(const BridgeConfig& config) {
    sys::UniqueFd lock = TRY(lock_state(config, sys::LockMode::shared));
    return KnownSubnet{TRY(remembered_subnet(config)), std::move(lock)};
}

Result<Bridge> ensure_bridge(Host& host, const BridgeConfig& config) {
    sys::UniqueFd shared = TRY(lock_state(config, sys::LockMode::shared));
    if (auto ready = TRY(find_ready(host, config))) {
        ready->lock = std::move(shared);
        return std::move(*ready);
    }
    shared.reset();
    sys::UniqueFd exclusive = TRY(lock_state(config, sys::LockMode::exclusive));
    // Another may have made it while this one waited.
    auto ready = TRY(find_ready(host, config));
    if (!ready) {
        Undo undo;
        auto made = set_up(host, config, undo);
        if (!made) return fail(undo.run(std::move(made).error()));
        undo.commit();
        ready = std::move(*made);
    }
    ready->lock = std::move(exclusive);
    return std::move(*ready);
}

Result<> with_present_bridge(Host& host, const BridgeConfig& config,
                             const std::function<Result<>(const Bridge&)>& work) {
    if (!sys::exists(lock_path(config))) return {};
    sys::UniqueFd lock = TRY(lock_state(config, sys::LockMode::exclusive));
    auto subnet = TRY(remembered_subnet(config));
    auto link = TRY(find_device(host, config));
    if (!subnet) return {};
    return work(Bridge{link ? link->index : 0,
                       link ? link->mtu : 0,
                       *subnet,
                       gateway_in(config, *subnet),
                       {},
                       {}});
}

Result<> with_bridge(Host& host, const BridgeConfig& config,
                     const std::function<Result<>(const Bridge&)>& work) {
    bool done = false;
    TRY(with_present_bridge(host, config, [&](const Bridge& bridge) -> Result<> {
        if (bridge.index == 0) return {};
        done = true;
        return work(bridge);
    }));
    if (done) return {};
    return fail(
        Error(Code::not_found, "the network has just been removed").with_hint("crank network ls"));
}

namespace {

Result<> take_away(Host& host, const BridgeConfig& config) {
    if (TRY(find_device(host, config))) {
        sys::RouteChanges changes;
        changes.remove_link(config.device);
        TRY(host.route.apply(changes));
    }
    // After the device: without it there is nothing left to protect.
    TRY(remove_rules(host, config));
    TRY(restore_forwarding(host, config.state_dir));
    // First what says that the rest is there.
    TRY(sys::remove_tree(subnet_path(config)));
    TRY(sys::remove_tree(config.state_dir + "/next"));
    return sys::remove_tree(config.state_dir + "/leases");
}

Result<> remove_here(const BridgeConfig& config, const std::function<Result<>()>& meanwhile) {
    sys::UniqueFd lock;
    if (sys::exists(lock_path(config)))
        lock = TRY(sys::lock_file(lock_path(config), sys::LockMode::exclusive));
    if (std::size_t leases = TRY(count_leases(config.state_dir)); leases != 0) {
        return fail(Error(Code::in_use,
                          std::to_string(leases) + " containers use the bridge " + config.device)
                        .with_hint("remove them first: crank ps, crank rm"));
    }
    if (meanwhile) TRY(meanwhile());
    if (!lock) return {};
    Host host = TRY(Host::open());
    return take_away(host, config);
}

}  // namespace

Result<> remove_bridge(const BridgeConfig& given, const std::function<Result<>()>& meanwhile) {
    const BridgeConfig config = TRY(complete(given));
    return beside_bridge(config, [&] { return remove_here(config, meanwhile); });
}

Result<std::string> find_subnet(int home, const std::vector<std::string>& others) {
    std::string found;
    TRY(beside_bridge({.home = home}, [&]() -> Result<> {
        Host host = TRY(Host::open());
        auto taken = TRY(taken_ranges(host));
        for (const std::string& other : others) taken.push_back(TRY(parse_subnet(other)));
        found = TRY(choose_network_subnet(taken)).text();
        return {};
    }));
    return found;
}

Result<> check_free(int home, const std::string& subnet) {
    return beside_bridge({.home = home}, [&]() -> Result<> {
        Host host = TRY(Host::open());
        return check_overlap(TRY(parse_subnet(subnet)), TRY(taken_ranges(host)));
    });
}

}  // namespace crank::network
