// The rules of a network's bridge: what may pass, and with which address.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "network/host.h"
#include "network/network.h"
#include "network/service.h"
#include "sys/ipv4.h"

namespace crank::network {

// "crank_" and the device's name: the nf_tables table of the bridge, `ip` and with IPv6 `ip6`.
std::string table_of(const BridgeConfig& config);

Result<bool> has_rules(Host& host, const BridgeConfig& config);
// In the place of what is there. Between two networks nothing passes: what another device sends is
// let in only as an answer. What comes from the bridge to a service's address is led to one of its
// containers, or to who relays it there, and nothing else that comes to it ever reaches what
// listens on this host.
Result<> put_rules(Host& host, const BridgeConfig& config, const sys::Ipv4Prefix& subnet,
                   const std::vector<Service>& services);
// Of both families.
Result<> remove_rules(Host& host, const BridgeConfig& config);

}  // namespace crank::network
