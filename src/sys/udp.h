// UDP sockets.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// A socket bound to a literal IPv4 or IPv6 address, non-blocking; port 0: any free one. Of each
// datagram it tells which address it was sent to (IP_PKTINFO, IPV6_RECVPKTINFO), and an IPv6 one
// takes no IPv4. Errors: as listen_tcp(), tcp.h.
Result<UniqueFd> bind_udp(const std::string& ip, std::uint16_t port);

}  // namespace crank::sys
