#include "gateway/journal.h"

#include <span>

#include "sys/child.h"
#include "sys/packet_server.h"
#include "sys/socket.h"

namespace crank::gateway {

std::string packet_of(const JournalEntry& entry) {
    std::string packet(1, static_cast<char>(entry.kind));
    packet += entry.key;
    if (entry.kind == JournalEntry::Kind::keep) packet += '\0' + entry.request;
    return packet;
}

std::optional<JournalEntry> parse_entry(std::string_view packet) {
    using Kind = JournalEntry::Kind;
    if (packet.empty()) return std::nullopt;
    const Kind kind = static_cast<Kind>(packet.front());
    packet.remove_prefix(1);
    switch (kind) {
        case Kind::serves:
        case Kind::all:
            if (!packet.empty()) return std::nullopt;
            return JournalEntry{.kind = kind};
        case Kind::forget:
            if (packet.empty() || packet.find('\0') != std::string_view::npos) return std::nullopt;
            return JournalEntry{.kind = kind, .key = std::string(packet)};
        case Kind::keep: {
            const std::size_t end = packet.find('\0');
            if (end == std::string_view::npos || end == 0) return std::nullopt;
            return JournalEntry{.kind = kind,
                                .key = std::string(packet.substr(0, end)),
                                .request = std::string(packet.substr(end + 1))};
        }
    }
    return std::nullopt;
}

Result<> send_entry(int socket, const JournalEntry& entry, int descriptor) {
    const std::string packet = packet_of(entry);
    return sys::send_packet(socket, std::as_bytes(std::span(packet)), descriptor);
}

Result<> Journal::replay(const Perform& perform) {
    while (true) {
        TRY(sys::wait_readable(socket_.get(), std::chrono::milliseconds(-1)));
        auto packet = TRY(sys::receive_with_descriptors(socket_.get(), kMaxJournalEntry));
        if (packet.kind == sys::PacketKind::none) continue;
        if (packet.kind == sys::PacketKind::end)
            return fail(Code::failed_precondition, "what keeps the gateway has ended");
        auto entry = parse_entry(packet.bytes);
        if (!entry || packet.cut) return fail(Code::internal, "what keeps the gateway is confused");
        if (entry->kind == JournalEntry::Kind::all) return {};
        perform(entry->request, std::move(packet.descriptors));
    }
}

void Journal::keep(std::string key, std::string_view request, int descriptor) {
    (void)send_entry(
        socket_.get(),
        {.kind = JournalEntry::Kind::keep, .key = std::move(key), .request = std::string(request)},
        descriptor);
}

void Journal::forget(std::string key) {
    (void)send_entry(socket_.get(), {.kind = JournalEntry::Kind::forget, .key = std::move(key)});
}

void Journal::serves() { (void)send_entry(socket_.get(), {.kind = JournalEntry::Kind::serves}); }

}  // namespace crank::gateway
