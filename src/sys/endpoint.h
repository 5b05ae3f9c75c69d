// A literal IP address and a port as the kernel takes them.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/error.h"

namespace crank::sys {

struct Endpoint {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
// invalid_argument: no literal address, IPv4 or IPv6.
Result<Endpoint> make_endpoint(const std::string& ip, std::uint16_t port);
// "10.1.2.3", "fd00::3"; an IPv4 address that an IPv6 socket has seen is shown as IPv4.
std::string ip_text(const sockaddr_storage& storage);

}  // namespace crank::sys
