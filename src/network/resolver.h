// The sockets on which a container's resolver listens, inside its network namespace. Whoever serves
// them may be elsewhere: a socket stays where it was made.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::network {

// As resolv.conf of the container names it. Its port 53 is led to that of the sockets, so that a
// worker may listen on port 53 of all addresses itself.
inline constexpr std::string_view kResolverAddress = "127.0.0.11";

struct ResolverSockets {
    sys::UniqueFd udp, tcp;  // non-blocking; tcp listens
    std::uint16_t port = 0;
};

// Brings lo up, and opens both on the same port; 0: any. Error: already_exists.
Result<ResolverSockets> open_resolver(int namespace_fd, std::uint16_t port = 0);
// Leads what is sent to kResolverAddress there. Once for a namespace.
Result<> lead_to_resolver(int namespace_fd, std::uint16_t port);

}  // namespace crank::network
