#include "runtime/handshake.h"

#include <cstring>
#include <limits>

namespace crank::runtime {

using shim::Message;
using shim::Packet;

namespace {

// A container's first process has one; so has whatever it becomes.
bool is_pid(std::uint64_t number) {
    return number > 0 && number <= static_cast<std::uint64_t>(std::numeric_limits<int>::max());
}

bool is_exit(const Packet& packet) {
    constexpr std::uint64_t kMaxCode = 255, kMaxSignal = 127, kOomShift = 32;
    return packet.a <= kMaxCode && (packet.b & 0xffffffff) <= kMaxSignal &&
           packet.b >> kOomShift <= 1;
}

std::unexpected<Error> out_of_turn() {
    return fail(Code::internal, "crank-shim said what it may not say now");
}

}  // namespace

Result<> Handshake::move(const Packet& packet) {
    bool before = phase_ == Phase::starting || phase_ == Phase::waiting;
    switch (packet.message) {
        case Message::failed:
            if (!before) return out_of_turn();
            return fail(explain_failure(steps_, packet.a, static_cast<int>(packet.b)));
        case Message::terminal:
            if (phase_ != Phase::starting) return out_of_turn();
            return {};
        case Message::reached:
            if (!before || !is_pid(packet.b)) return out_of_turn();
            if (reached_ && packet.a <= *reached_) return out_of_turn();
            reached_ = packet.a;
            phase_ = Phase::waiting;
            return {};
        case Message::started:
            if (!before || !is_pid(packet.a)) return out_of_turn();
            phase_ = Phase::running;
            return {};
        case Message::exited:
            if (phase_ != Phase::running || !is_exit(packet)) return out_of_turn();
            phase_ = Phase::ended;
            return {};
        case Message::signal:
        case Message::release: break;  // are for the shim
    }
    return out_of_turn();
}

Point Handshake::point() const {
    if (reached_ && reached_ == waits_.hooks) return Point::hooks;
    if (reached_ && reached_ == waits_.listener) return Point::listener;
    return Point::created;
}

Result<Packet> Handshake::accept(std::span<const std::byte> bytes) {
    Packet packet{};
    auto take = [&]() -> Result<> {
        if (phase_ == Phase::ended) return out_of_turn();
        if (bytes.empty())
            return fail(Code::internal, phase_ == Phase::running
                                            ? "the monitor of the container ended without a word"
                                            : "the process that starts the container ended "
                                              "without a word");
        if (bytes.size() != sizeof packet)
            return fail(Code::internal, "malformed packet from crank-shim");
        std::memcpy(&packet, bytes.data(), sizeof packet);
        return move(packet);
    };
    if (auto taken = take(); !taken) {
        phase_ = Phase::ended;
        return fail(std::move(taken).error());
    }
    return packet;
}

}  // namespace crank::runtime
