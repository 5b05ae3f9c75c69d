// A stream socket between two processes of crank's own.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// Two connected ends of a SOCK_STREAM socket, close-on-exec.
Result<std::pair<UniqueFd, UniqueFd>> make_stream_pair();

// Both parts, one after the other; never raises SIGPIPE. not_found: the other end is closed.
Result<> send_parts(int socket, std::span<const std::uint8_t> head,
                    std::span<const std::uint8_t> body);

// Fills `out`. false: the other end was closed before the first byte; io: in the middle.
Result<bool> read_exact(int fd, std::span<std::uint8_t> out, const std::string& name);

}  // namespace crank::sys
