// TCP connections that never block, for those who hold many of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

enum class Flow : std::uint8_t {
    moved,    // so many bytes
    blocked,  // none now
    ended,    // the other side sends no more (receiving alone)
    broken,   // reset, or in another way of no use any more
};
struct Moved {
    Flow flow = Flow::blocked;
    std::size_t bytes = 0;
};
// `into` is not empty.
Moved receive(int socket, std::span<char> into);
// Both texts, in this order, in one call: as much as fits.
Moved send_both(int socket, std::string_view first, std::string_view second);
// Neither bytes nor an end have come.
bool is_silent(int socket);

enum class AcceptOutcome : std::uint8_t { connection, none, exhausted, failed };
struct AcceptedStream {
    AcceptOutcome outcome = AcceptOutcome::none;
    UniqueFd fd;
    std::string peer;  // literal IP address
};
// exhausted: this process or the host has no descriptor or memory for it.
AcceptedStream accept_stream(int listener);

struct BegunStream {
    UniqueFd fd;
    bool connected = false;  // false: it is writable, or has failed, once it is decided
};
Result<BegunStream> begin_connect(const std::string& ip, std::uint16_t port);
// Of a connection that was begun; 0: it stands.
int connect_error(int socket);

void set_no_delay(int socket);
// A peer that is gone without a word is noticed: asked after 60 idle seconds, six times in a
// minute.
void keep_alive(int socket);
// Closing it sends a reset.
void reset_at_close(int socket);
// failed_precondition: no TCP socket, or one that does not listen.
Result<> check_listener(int socket);
// For everybody who has the socket: who connects from now on is refused, and who had connected and
// was not accepted is reset.
void stop_listening(int socket);

}  // namespace crank::sys
