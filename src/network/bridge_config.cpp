// What follows from a bridge's configuration alone.
#include <algorithm>
#include <cstdio>

#include "network/bridge.h"
#include "network/subnet.h"

namespace crank::network {

namespace {

constexpr std::string_view kUsualStateDir = "/run/crank/network";
constexpr const char* kUsualDevice = "crank0";

}  // namespace

sys::Ipv4 gateway_in(const BridgeConfig& config, const sys::Ipv4Prefix& subnet) {
    auto chosen = sys::parse_ipv4(config.gateway);
    return chosen && subnet.contains(*chosen) ? *chosen : gateway_of(subnet);
}

Pool pool_of(const BridgeConfig& config, const sys::Ipv4Prefix& subnet) {
    Pool pool(subnet);
    pool.gateway = gateway_in(config, subnet);
    pool.range = sys::parse_ipv4_prefix(config.range);
    return pool;
}

sys::MacAddress mac_of(sys::Ipv4 address) {
    auto byte = [&](int shift) { return static_cast<std::uint8_t>(address.value >> shift); };
    return {0x02, 0x63, byte(24), byte(16), byte(8), byte(0)};
}

std::string device_of(const BridgeConfig& config) {
    if (!config.device.empty()) return config.device;
    if (config.state_dir == kUsualStateDir) return kUsualDevice;
    // FNV-1a. Should two directories ever meet in one name, the alias tells them apart.
    std::uint32_t hash = 2166136261;
    for (unsigned char c : config.state_dir) hash = (hash ^ c) * 16777619;
    char name[16];
    std::snprintf(name, sizeof name, "crank-%08x", hash);
    return name;
}

Result<BridgeConfig> complete(const BridgeConfig& config) {
    if (!config.state_dir.starts_with('/'))
        return fail(Code::internal, "the network's state directory is not absolute");
    BridgeConfig completed = config;
    completed.device = device_of(config);
    const std::string& name = completed.device;
    bool plain = std::ranges::all_of(name, [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_';
    });
    if (name.size() > 15 || !plain) {
        return fail(Error(Code::invalid_argument, "invalid bridge name '" + name + "'")
                        .with_hint("use 1 to 15 letters, digits, '-' or '_'"));
    }
    return completed;
}

}  // namespace crank::network
