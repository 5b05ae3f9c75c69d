// The host forwards packets between its bridge and the world, and nothing more than before.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "network/host.h"

namespace crank::network {

using Family = sys::NftFamily;

// Whether net.ipv4.ip_forward, or IPv6's net.ipv6.conf.all.forwarding, is on.
Result<bool> is_forwarding(Family family = Family::ip);

// One device alone, of IPv4: what comes in there may go on.
Result<bool> device_forwards(const std::string& device);
Result<> let_device_forward(const std::string& device);

// Switches it on. Where it was off, the host was no router, and other machines shall not find it to
// be one now: a table `crank_guard` of ours keeps dropping what would pass between the devices that
// lead outside and were there before. state_dir remembers that it was crank who did it.
// IPv6: a router takes no routes from its neighbours (RFC 4861, section 6.2.1), so devices that do
// are told to go on (accept_ra 2).
Result<> enable_forwarding(Host& host, const std::string& state_dir, Family family = Family::ip);

// Takes both back if it was crank who did it and no device has come since whose owner may rely on
// it; otherwise leaves switch and guard as they are. Bridges of crank's go on to forward where they
// did: the switch is that of all devices.
Result<> restore_forwarding(Host& host, const std::string& state_dir);

// The devices that a guard must keep apart: those that are no mere product of software on this
// host, and those of default routes. Pure.
std::vector<std::string> guarded_devices(const std::vector<sys::Link>& links,
                                         const std::vector<sys::RouteEntry>& routes);

}  // namespace crank::network
