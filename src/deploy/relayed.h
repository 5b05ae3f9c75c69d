// Ports of a service that its project's gateway relays at the service's address, so that each
// request moves with a change and not each connection. Internal, pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>

#include "deploy/plan.h"

namespace crank::deploy {

// Of the ports on which its containers say that they take connections: those that may speak HTTP.
// What speaks first, or what is known to speak something else, gains nothing by a relay.
std::set<std::uint16_t> relayed_ports(const DesiredService& service,
                                      const std::set<std::uint16_t>& served);

// Those that are to be relayed now. `served`: by the containers that run; nothing: none does, and
// what is relayed stays so, where who comes waits for the next one. `hears`: what containers send
// to this host itself arrives.
std::set<std::uint16_t> wanted_relays(const DesiredService& service, bool hears,
                                      const std::optional<std::set<std::uint16_t>>& served,
                                      const std::map<std::uint16_t, std::uint16_t>& now);

}  // namespace crank::deploy
