// Unix sockets by path, of any length: what sun_path cannot hold is reached through its
// directory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

enum class UnixKind : std::uint8_t { stream, packets };  // packets: SOCK_SEQPACKET

// Listens on a new socket file of mode 0600. already_exists: the path is taken.
Result<UniqueFd> listen_unix(const std::string& path, UnixKind kind = UnixKind::stream);
// not_found: no such file; failed_precondition: nobody listens.
Result<UniqueFd> connect_unix(const std::string& path, UnixKind kind = UnixKind::stream);
// A connection that has come; nothing: there is none.
Result<std::optional<UniqueFd>> accept_unix(int listener);
// No more is sent; what the other end sends can still be read.
Result<> finish_sending(int socket);

}  // namespace crank::sys
