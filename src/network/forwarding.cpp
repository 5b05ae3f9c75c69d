#include "network/forwarding.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "network/bridge.h"
#include "sys/file.h"

namespace crank::network {

namespace {

constexpr const char* kSettings6 = "/proc/sys/net/ipv6/conf";

std::string switch_of(Family family) {
    return family == Family::ip ? "/proc/sys/net/ipv4/ip_forward"
                                : std::string(kSettings6) + "/all/forwarding";
}
constexpr const char* kGuard = "crank_guard";
constexpr const char* kOutside = "outside";

// The names of all devices that were there when crank switched forwarding on, one a line.
std::string record_path(const std::string& state_dir, Family family) {
    return state_dir + (family == Family::ip ? "/ip_forward" : "/ip6_forward");
}

Result<> put_guard(Host& host, const std::vector<std::string>& devices, Family family) {
    sys::NftBatch batch(family);
    if (TRY(host.nft.has_table(kGuard, family))) batch.delete_table(kGuard);
    batch.add_table(kGuard);
    batch.add_device_set(kGuard, kOutside, devices);
    batch.add_chain(kGuard, "forward", sys::NftHook::forward);
    sys::NftRule keep_apart("crank switched ip_forward on for containers alone");
    keep_apart.in_device_among(kOutside).out_device_among(kOutside).drop();
    batch.add_rule(kGuard, "forward", keep_apart);
    return host.nft.apply(batch);
}

Result<> remove_guard(Host& host, Family family) {
    if (!TRY(host.nft.has_table(kGuard, family))) return {};
    sys::NftBatch batch(family);
    batch.delete_table(kGuard);
    return host.nft.apply(batch);
}

Result<> write_switch(std::string_view value, Family family) {
    auto written = sys::write_knob(switch_of(family), value);
    if (written) return {};
    const char* name =
        family == Family::ip ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
    return fail(std::move(written).error().with_hint(
        "switch it on yourself: sysctl -w " + std::string(name) + "=1, or use --network host"));
}

std::string device_switch(const std::string& device) {
    return "/proc/sys/net/ipv4/conf/" + device + "/forwarding";
}

// Those that have their routes from their neighbours go on so.
void keep_advertised_routes(const std::vector<sys::Link>& links) {
    for (const sys::Link& link : links) {
        std::string knob = std::string(kSettings6) + "/" + link.name + "/accept_ra";
        auto value = sys::read_file(knob, 16);
        if (value && trim(*value) == "1") (void)sys::write_knob(knob, "2");
    }
}

}  // namespace

Result<bool> is_forwarding(Family family) {
    return trim(TRY(sys::read_file(switch_of(family), 16))) == "1";
}

Result<bool> device_forwards(const std::string& device) {
    return trim(TRY(sys::read_file(device_switch(device), 16))) == "1";
}

Result<> let_device_forward(const std::string& device) {
    return sys::write_knob(device_switch(device), "1");
}

std::vector<std::string> guarded_devices(const std::vector<sys::Link>& links,
                                         const std::vector<sys::RouteEntry>& routes) {
    // Kinds that stand for a line to other machines; the rest (bridges of other engines, veths,
    // tunnels) is somebody's who may start to forward later, and not for us to cut off.
    static constexpr std::array<std::string_view, 5> kLines = {"", "vlan", "bond", "team",
                                                               "macvlan"};
    auto carries_default = [&](int index) {
        return std::ranges::any_of(routes, [&](const sys::RouteEntry& route) {
            return route.destination.length == 0 && route.device == index;
        });
    };
    std::vector<std::string> names;
    for (const sys::Link& link : links) {
        if (link.index == sys::kLoopbackIndex) continue;
        bool line = std::ranges::find(kLines, link.kind) != kLines.end();
        if (line || carries_default(link.index)) names.push_back(link.name);
    }
    return names;
}

Result<> enable_forwarding(Host& host, const std::string& state_dir, Family family) {
    auto links = TRY(host.route.links());
    auto devices = guarded_devices(links, TRY(host.route.routes()));
    std::string record;
    for (const auto& link : links) record += link.name + "\n";
    // The guard stands before the gate opens, and the record before both: whoever finds it after a
    // crash knows what there is to take back.
    TRY(sys::write_file_atomic(record_path(state_dir, family), record, 0600, sys::Sync::no));
    if (!devices.empty()) TRY(put_guard(host, devices, family));
    if (family == Family::ip6) keep_advertised_routes(links);
    return write_switch("1", family);
}

namespace {

Result<> restore(Host& host, const std::string& state_dir, Family family) {
    auto record = sys::read_file(record_path(state_dir, family));
    if (!record && record.error().code() == Code::not_found) return {};
    auto lines = split(TRY(std::move(record)), '\n');
    const std::set<std::string> before(lines.begin(), lines.end());
    std::vector<std::string> own;
    for (const sys::Link& link : TRY(host.route.links())) {
        if (!before.contains(link.name)) return {};
        if (link.kind == "bridge" && link.alias.starts_with(kAliasPrefix)) own.push_back(link.name);
    }
    TRY(write_switch("0", family));
    for (const std::string& bridge : own)
        if (family == Family::ip) TRY(let_device_forward(bridge));
    TRY(remove_guard(host, family));
    return sys::remove_file(record_path(state_dir, family));
}

}  // namespace

Result<> restore_forwarding(Host& host, const std::string& state_dir) {
    TRY(restore(host, state_dir, Family::ip));
    return restore(host, state_dir, Family::ip6);
}

}  // namespace crank::network
