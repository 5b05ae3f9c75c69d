// Ports of a service that its project's gateway relays at the service's address, so that each
// request moves with a change and not each connection. Internal, pure.
#pragma once

#include <cstdint>
#include <set>

#include "deploy/plan.h"

namespace crank::deploy {

// Of the ports on which its containers say that they take connections: those that may speak HTTP.
// What speaks first, or what is known to speak something else, gains nothing by a relay.
std::set<std::uint16_t> relayed_ports(const DesiredService& service,
                                      const std::set<std::uint16_t>& served);

}  // namespace crank::deploy
