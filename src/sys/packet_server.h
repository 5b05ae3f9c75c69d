// Requests with descriptors, one packet each, from other processes of the same user.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// A connection to a listening SOCK_SEQPACKET socket of AF_UNIX that has come, non-blocking, and who
// made it; nothing: there is none. exhausted: this process has no descriptor for it.
struct PacketPeer {
    UniqueFd fd;
    uid_t uid = 0;
};
Result<std::optional<PacketPeer>> accept_packets(int listener);
// failed_precondition: it is no such socket.
Result<> check_packet_listener(int socket);

enum class PacketKind : std::uint8_t { packet, none, end };
struct Packet {
    PacketKind kind = PacketKind::none;
    std::string bytes;
    bool cut = false;  // it, or its descriptors, were more than there was room for
    std::vector<UniqueFd> descriptors;
};
// At most `most` bytes and eight descriptors. Does not block.
Result<Packet> receive_with_descriptors(int socket, std::size_t most);

enum class Sent : std::uint8_t { whole, blocked, too_large, closed };
Sent send_whole(int socket, std::string_view packet);  // does not block

// Room for large packets, as far as net.core.wmem_max allows.
void raise_send_buffer(int socket, int bytes);

// The number of descriptors that this process may have open becomes as large as it may make it;
// returns it.
std::size_t raise_open_files();

}  // namespace crank::sys
