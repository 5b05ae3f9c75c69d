#include "cli/oci_attend.h"

#include <array>
#include <chrono>
#include <csignal>
#include <optional>

#include "sys/byte_copy.h"
#include "sys/child.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/socket.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0, kStdout = 1;
// How long output may keep coming after the end: what was left behind can hold the terminal open.
constexpr std::chrono::milliseconds kDrain{200}, kDescriptor{10'000};

class Attendance {
public:
    Attendance(int pid, sys::UniqueFd pidfd, sys::SignalQueue signals)
        : child_(pid, std::move(pidfd)), signals_(std::move(signals)) {}

    Result<> take_terminal(const TerminalRelay& relay) {
        std::byte name[64];
        auto received = TRY(sys::receive_packet(relay.mine.get(), name, kDescriptor));
        if (!received || !received->descriptor)
            return fail(Code::internal, "the process did not send its terminal");
        master_ = std::move(received->descriptor);
        TRY(sys::set_nonblocking(master_.get()));
        in_ = sys::ByteCopy(kStdin, master_.get());
        out_ = sys::ByteCopy(master_.get(), kStdout);
        if (!sys::is_terminal(kStdin)) return {};
        raw_.emplace(TRY(sys::RawMode::enter(kStdin)));
        resize();
        return {};
    }

    Result<int> run() {
        while (!ended_) TRY(turn(std::nullopt));
        int code = TRY(child_.wait()).shell_code();
        auto end = std::chrono::steady_clock::now() + kDrain;
        while (out_.open() && std::chrono::steady_clock::now() < end)
            if (!TRY(turn(kDrain / 4))) break;
        return code;
    }

private:
    // One wait and what it brought. False: nothing came within the deadline.
    Result<bool> turn(std::optional<std::chrono::milliseconds> deadline) {
        std::array<sys::PollEntry, 4> entries = {
            sys::PollEntry{.fd = ended_ ? -1 : child_.pidfd(), .want_read = true},
            sys::PollEntry{.fd = signals_.fd(), .want_read = true},
            ended_ ? sys::PollEntry{} : in_.wants(),
            out_.wants(),
        };
        if (!TRY(sys::poll(entries, deadline))) return false;
        auto ready = [](const sys::PollEntry& entry) {
            return entry.readable || entry.writable || entry.hung_up;
        };
        if (ready(entries[1])) TRY(pass_signals());
        if (ready(entries[2])) in_.step();
        if (ready(entries[3])) out_.step();
        if (ready(entries[0])) ended_ = true;
        return true;
    }

    Result<> pass_signals() {
        while (std::optional<int> number = TRY(signals_.next())) {
            if (*number == SIGWINCH && master_) {
                resize();
                continue;
            }
            auto sent = child_.signal(*number);
            if (!sent && sent.error().code() != Code::not_found) return fail(sent.error());
        }
        return {};
    }

    void resize() {
        if (auto size = sys::terminal_size(kStdin))
            (void)sys::set_terminal_size(master_.get(), *size);
    }

    sys::Child child_;
    sys::SignalQueue signals_;
    sys::UniqueFd master_;
    std::optional<sys::RawMode> raw_;
    sys::ByteCopy in_, out_;
    bool ended_ = false;
};

}  // namespace

Result<TerminalRelay> offer_relay(runtime::oci_verbs::Caller& caller, bool stays) {
    TerminalRelay relay;
    if (!stays || !caller.console_socket.empty()) return relay;
    auto [mine, theirs] = TRY(sys::make_packet_pair());
    relay.mine = std::move(mine);
    relay.theirs = std::move(theirs);
    caller.relay = relay.theirs.get();
    // On a terminal of ours in raw mode the inner one ends lines; elsewhere they stay lines.
    caller.plain_lines = !sys::is_terminal(kStdin);
    if (caller.plain_lines) return relay;
    if (auto size = sys::terminal_size(kStdin)) {
        caller.rows = size->rows;
        caller.columns = size->columns;
    }
    return relay;
}

Result<int> attend_process(int pid, TerminalRelay* relay) {
    auto signals = TRY(sys::SignalQueue::open(
        {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT}));
    Attendance attendance(pid, TRY(sys::open_pidfd(pid)), std::move(signals));
    if (relay != nullptr && relay->mine) TRY(attendance.take_terminal(*relay));
    return attendance.run();
}

}  // namespace crank::cli
