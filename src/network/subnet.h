// Which range of addresses the bridge gets. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/ipv4.h"

namespace crank::network {

// In the order in which they are tried: private ranges (RFC 1918) that other engines, home routers
// and VPNs use seldom.
std::span<const sys::Ipv4Prefix> subnet_candidates();

// "10.88.0.0/16", with room for a gateway and a container: /8 to /29. Error: invalid_argument.
Result<sys::Ipv4Prefix> parse_subnet(std::string_view text);

// The first range of `taken` that overlaps. Ranges wider than /8 are no claim on addresses but
// default routes in disguise (VPNs install 0.0.0.0/1 and 128.0.0.0/1), and do not count.
std::optional<sys::Ipv4Prefix> find_overlap(const sys::Ipv4Prefix& subnet,
                                            std::span<const sys::Ipv4Prefix> taken);

// Error: exhausted when every candidate overlaps something.
Result<sys::Ipv4Prefix> choose_subnet(std::span<const sys::Ipv4Prefix> taken);

// The same for a network that somebody defines: of ranges of 254 containers each, others than the
// default one's.
Result<sys::Ipv4Prefix> choose_network_subnet(std::span<const sys::Ipv4Prefix> taken);

// The first address of the range is the gateway's.
inline sys::Ipv4 gateway_of(const sys::Ipv4Prefix& subnet) { return {subnet.base.value + 1}; }

}  // namespace crank::network
