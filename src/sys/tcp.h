// Listening TCP sockets.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

inline constexpr int kLongBacklog = 4096;  // the kernel caps it at net.core.somaxconn

// A socket that listens on a literal IPv4 or IPv6 address; port 0: any free one. Non-blocking,
// SO_REUSEADDR (a port whose old connections are in TIME_WAIT is free); an IPv6 socket takes no
// IPv4 connections. Errors: already_exists when the port is taken, permission_denied below
// net.ipv4.ip_unprivileged_port_start, failed_precondition when the address is none of this host's,
// unsupported when the host has no IPv6.
Result<UniqueFd> listen_tcp(const std::string& ip, std::uint16_t port, int backlog);
Result<std::uint16_t> local_port(int socket);
// The literal IP address of the other end.
Result<std::string> peer_ip(int socket);

// A connection, non-blocking. deadline_exceeded: nobody answered in time.
Result<UniqueFd> connect_tcp(const std::string& ip, std::uint16_t port,
                             std::chrono::milliseconds deadline);
// The next connection of a listening socket, non-blocking.
Result<UniqueFd> accept_tcp(int listener, std::chrono::milliseconds deadline);

}  // namespace crank::sys
