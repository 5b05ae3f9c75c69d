#include "engine/local/attend.h"

#include <array>
#include <chrono>
#include <csignal>
#include <optional>

#include "sys/byte_copy.h"
#include "sys/poll.h"
#include "sys/terminal.h"

namespace crank::engine::local {
namespace {

using std::chrono::milliseconds;

constexpr int kStdout = 1, kStderr = 2;
// How long output may keep coming after the end: processes left behind can hold the pipes open.
constexpr milliseconds kDrain(200);

class Attendance {
public:
    explicit Attendance(AttendRequest& request) : request_(request) {}

    Result<runtime::ExitStatus> run() {
        TRY(open());
        while (!ended_) TRY(turn(std::nullopt));
        runtime::ExitStatus exit = TRY(request_.running.wait_exit());
        auto end = std::chrono::steady_clock::now() + kDrain;
        while ((out_.open() || err_.open()) && std::chrono::steady_clock::now() < end)
            if (!TRY(turn(kDrain / 4))) break;
        return exit;
    }

private:
    Result<> open() {
        int master = request_.running.terminal().get();
        if (request_.input >= 0) {
            int to = request_.terminal ? master : request_.stdin_write.get();
            if (to >= 0) TRY(sys::set_nonblocking(to));
            if (to >= 0) in_ = sys::ByteCopy(request_.input, to);
        }
        if (request_.terminal && request_.caller_terminal >= 0) {
            raw_.emplace(TRY(sys::RawMode::enter(request_.caller_terminal)));
            resize();
        }
        if (request_.copy_terminal && master >= 0) out_ = sys::ByteCopy(master, kStdout);
        if (request_.stdout_read) out_ = sys::ByteCopy(request_.stdout_read.get(), kStdout);
        if (request_.stderr_read) err_ = sys::ByteCopy(request_.stderr_read.get(), kStderr);
        return {};
    }

    // One wait and what it brought. False: nothing came within the deadline.
    Result<bool> turn(std::optional<milliseconds> deadline) {
        std::array<sys::PollEntry, 6> entries = {
            sys::PollEntry{.fd = ended_ ? -1 : request_.running.control_fd(), .want_read = true},
            sys::PollEntry{.fd = request_.signals.fd(), .want_read = true},
            ended_ ? sys::PollEntry{} : in_.wants(),
            out_.wants(),
            err_.wants(),
            // No event is asked for: only that the reader is gone is heard.
            sys::PollEntry{.fd = ended_ || reader_gone_ ? -1 : kStdout},
        };
        if (!TRY(sys::poll(entries, deadline))) return false;
        auto ready = [](const sys::PollEntry& entry) {
            return entry.readable || entry.writable || entry.hung_up;
        };
        if (ready(entries[1])) TRY(pass_signals());
        if (ready(entries[2]) && !in_.step()) request_.stdin_write.reset();
        if (ready(entries[3])) out_.step();
        if (ready(entries[4])) err_.step();
        if (entries[5].hung_up) {
            // As for a plain process in a pipeline (`crank run ... | head`): what it writes from
            // here on would kill it, unless it does not care.
            reader_gone_ = true;
            (void)request_.running.send_signal(SIGPIPE);
        }
        if (ready(entries[0])) ended_ = true;
        return true;
    }

    Result<> pass_signals() {
        while (std::optional<int> number = TRY(request_.signals.next())) {
            if (*number == SIGWINCH)
                resize();
            else
                (void)request_.running.send_signal(*number);  // it may just have ended
        }
        return {};
    }

    void resize() {
        if (request_.caller_terminal < 0 || !request_.running.terminal()) return;
        if (auto size = sys::terminal_size(request_.caller_terminal))
            (void)sys::set_terminal_size(request_.running.terminal().get(), *size);
    }

    AttendRequest& request_;
    std::optional<sys::RawMode> raw_;
    sys::ByteCopy in_, out_, err_;
    bool ended_ = false, reader_gone_ = false;
};

}  // namespace

Result<sys::SignalQueue> take_signals(SignalProxy proxy) {
    if (proxy == SignalProxy::off) return sys::SignalQueue::open({SIGWINCH, SIGCONT});
    return sys::SignalQueue::open(
        {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT});
}

Result<runtime::ExitStatus> attend(AttendRequest request) { return Attendance(request).run(); }

}  // namespace crank::engine::local
