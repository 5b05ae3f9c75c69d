// Who listens on a port, for error messages.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace crank::network {

struct PortOwner {
    std::string name;  // of the process, as ps shows it
    int pid = 0;
};

// Looks through the host's sockets and processes: slow, for the way of an error only. Nothing when
// the owner cannot be seen (another user's process, a kernel socket). `ip` is the address that
// could not be bound, `protocol` tcp or udp; who listens on all addresses counts too.
std::optional<PortOwner> find_port_owner(const std::string& ip, std::uint16_t port,
                                         const std::string& protocol);

}  // namespace crank::network
