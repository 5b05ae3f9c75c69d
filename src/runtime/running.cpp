// A launched container as its caller sees it.
#include <array>
#include <cstring>

#include "runtime/runtime.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/socket.h"

namespace crank::runtime {

using shim::Message;
using shim::Packet;

namespace {

constexpr std::chrono::milliseconds kStartDeadline{60'000};
constexpr std::chrono::milliseconds kForEver{-1};

constexpr std::string_view kMomentNames[] = {"shim started",   "child cloned",    "child runs",
                                             "cgroups joined", "root mounted",    "mounts made",
                                             "network ready",  "program executed"};

}  // namespace

Result<> Running::wait_for_hooks() { return receive_until(Message::reached); }

Result<> Running::go_on() {
    if (!gate_) return fail(Code::failed_precondition, "this container has no gate");
    return sys::write_all(gate_.get(), "h", "the gate");
}

Result<> Running::open_gate() {
    if (!gate_) return fail(Code::failed_precondition, "this container has no gate");
    auto opened = sys::write_all(gate_.get(), "g", "the gate");
    gate_.reset();
    if (opened) return {};
    // Nobody is behind it any more: the child has ended, and has said why.
    auto reason = wait_started();
    return reason ? opened : reason;
}

// Reads packets until the one wanted has been seen.
Result<> Running::receive_until(Message wanted) {
    while (true) {
        Packet packet;
        auto deadline = wanted == Message::exited ? kForEver : kStartDeadline;
        auto received = TRY(sys::receive_packet(
            control_.get(), std::as_writable_bytes(std::span(&packet, 1)), deadline));
        if (!received)
            return fail(Code::deadline_exceeded, "the container did not start within 60 seconds");
        TRY(handshake_.accept(std::as_bytes(std::span(&packet, 1)).first(received->size)));
        switch (packet.message) {
            case Message::terminal: terminal_ = std::move(received->descriptor); break;
            case Message::reached: pid_ = static_cast<pid_t>(packet.b); break;
            case Message::started:
                pid_ = static_cast<pid_t>(packet.a);
                started_ = true;
                break;
            case Message::exited:
                exit_ =
                    ExitStatus{static_cast<int>(packet.a), static_cast<int>(packet.b & 0xffffffff),
                               (packet.b >> 32) != 0, static_cast<std::int64_t>(packet.c)};
                break;
            default: break;
        }
        if (packet.message == wanted) return {};
    }
}

Result<> Running::wait_started() {
    if (started_) return {};
    return receive_until(Message::started);
}

Result<ExitStatus> Running::wait_exit() {
    if (!exit_) TRY(receive_until(Message::exited));
    return *exit_;
}

Result<> Running::send_signal(int signal) {
    Packet packet{Message::signal};
    packet.a = static_cast<std::uint64_t>(signal);
    return sys::send_packet(control_.get(), std::as_bytes(std::span(&packet, 1)));
}

std::vector<Timing> Running::timings() const {
    std::vector<Timing> out;
    auto mapping = sys::SharedMapping::map(plan_memory_.get(), sizeof(shim::Header));
    if (!mapping) return out;
    shim::Header header;
    std::memcpy(&header, mapping->data(), sizeof header);
    for (std::size_t i = 0; i < std::size(kMomentNames); ++i)
        if (header.shared.moments[i] != 0)
            out.push_back({std::string(kMomentNames[i]),
                           static_cast<std::int64_t>(header.shared.moments[i])});
    return out;
}

}  // namespace crank::runtime
