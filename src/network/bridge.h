// The bridge of a network: the device, its address range, its rules.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "network/host.h"
#include "network/lease.h"
#include "network/network.h"
#include "sys/unique_fd.h"

namespace crank::network {

// The device's alias: this, and whose it is, the state directory. Another one would lease the same
// addresses again.
inline constexpr std::string_view kAliasPrefix = "crank ";

struct Bridge {
    int index = 0;
    std::uint32_t mtu = 1500;
    sys::Ipv4Prefix subnet;
    sys::Ipv4 gateway;                  // its own address
    std::vector<std::string> warnings;  // where it was made just now
    // Held while an address is leased and its device made, so that nobody removes the bridge
    // meanwhile.
    sys::UniqueFd lock;
};

// The configuration with its device named. Errors: invalid_argument.
Result<BridgeConfig> complete(const BridgeConfig& config);

// The range that was decided on, or nothing. The lock is as in Bridge.
struct KnownSubnet {
    std::optional<sys::Ipv4Prefix> subnet;
    sys::UniqueFd lock;
};
Result<KnownSubnet> known_subnet(const BridgeConfig& config);

// Finds the bridge ready (the usual case: three look-ups and a shared lock), or makes what is
// missing of it under an exclusive lock: the rules too, since others flush them. The configuration
// must be complete.
Result<Bridge> ensure_bridge(Host& host, const BridgeConfig& config);

// Under its lock, with which nobody else changes it; ensure_bridge() before. Error: not_found,
// where the network has just been removed.
Result<> with_bridge(Host& host, const BridgeConfig& config,
                     const std::function<Result<>(const Bridge&)>& work);
// The same of a bridge as it is; nothing is done where there is none.
Result<> with_present_bridge(Host& host, const BridgeConfig& config,
                             const std::function<Result<>(const Bridge&)>& work);

// The bridge's own address: the first of the range where the configuration names none.
sys::Ipv4 gateway_in(const BridgeConfig& config, const sys::Ipv4Prefix& subnet);

// What its containers may have.
Pool pool_of(const BridgeConfig& config, const sys::Ipv4Prefix& subnet);

// A locally administered address that is the same whenever an IPv4 address is used again, so that
// what neighbours remember of it stays true: 02:63 and the four bytes.
sys::MacAddress mac_of(sys::Ipv4 address);

}  // namespace crank::network
