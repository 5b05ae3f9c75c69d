// Packets with descriptors between processes of crank's own; the sockets of other programs.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

// Two connected ends of a SOCK_SEQPACKET socket, close-on-exec.
Result<std::pair<UniqueFd, UniqueFd>> make_packet_pair();

struct Received {
    std::size_t size = 0;  // 0: the other end is closed
    UniqueFd descriptor;   // where one came along
};
// One packet. std::nullopt: the deadline ran out. A negative deadline waits for ever.
Result<std::optional<Received>> receive_packet(int socket, std::span<std::byte> into,
                                               std::chrono::milliseconds deadline);
// A copy of the descriptor goes along, where there is one. not_found: the other end is closed.
Result<> send_packet(int socket, std::span<const std::byte> packet, int descriptor = -1);
// Text and a descriptor in one message to a stream socket; all of the text.
Result<> send_descriptor(int socket, std::string_view text, int descriptor);

}  // namespace crank::sys
