#include "gateway/keeper.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <map>
#include <span>
#include <utility>

#include "gateway/journal.h"
#include "gateway/serve.h"
#include "sys/child.h"
#include "sys/confine.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/packet_server.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/socket.h"
#include "sys/system.h"

namespace crank::gateway {
namespace {

using std::chrono::milliseconds;
using Log = std::function<void(const std::string&)>;

// Between the end of one that serves and the start of the next, where they end soon.
constexpr milliseconds kFirstPause{20}, kLongestPause{1000}, kLongLife{10'000};
constexpr std::size_t kMostKept = 4096;

struct Kept {
    std::string request;
    sys::UniqueFd descriptor;
};

class Keeper {
public:
    Keeper(std::string project, const Log& log, sys::UniqueFd program, sys::SignalQueue signals)
        : project_(std::move(project)),
          log_(log),
          program_(std::move(program)),
          signals_(std::move(signals)) {}

    Result<int> run() {
        milliseconds pause{0};
        while (true) {
            const std::int64_t began = sys::monotonic_clock_ns();
            TRY(start());
            const sys::WaitStatus status = TRY(attend());
            if (!is_to_start_again(status)) return status.shell_code();
            log_("what served " + ended_by(status) + ": another one takes its place");
            const milliseconds lived{(sys::monotonic_clock_ns() - began) / 1'000'000};
            pause = lived > kLongLife ? milliseconds(0)
                                      : std::clamp(pause * 2, kFirstPause, kLongestPause);
            if (TRY(is_told_to_end(pause))) return 0;
        }
    }

private:
    static std::string ended_by(const sys::WaitStatus& status) {
        return status.signal != 0 ? "was ended by " + sys::signal_name(status.signal)
                                  : "ended with status " + std::to_string(status.code);
    }

    // By itself it ends when it is told to, or because it cannot begin. A sanitizer's finding is
    // not to be passed over.
    bool is_to_start_again(const sys::WaitStatus& status) const {
        if (ending_) return false;
        return status.signal != 0 || (status.code != 0 && served_ && !sys::is_sanitized());
    }

    Result<> start() {
        auto [mine, its] = TRY(sys::make_packet_pair());
        sys::SpawnRequest request{.path = "/proc/self/exe",
                                  .args = {"crank-gateway", "--serve", "--name", project_},
                                  .env = sys::environment(),
                                  .working_dir = "/",
                                  .program = program_.get()};
        request.fds = {{0, 0}, {1, 1}, {2, 2}, {kControl, kControl}, {its.get(), kJournal}};
        child_ = TRY(sys::spawn(request));
        journal_ = std::move(mine);
        its.reset();
        served_ = false;
        tell();
        return {};
    }

    // It reads nothing else until it has all of it. Where it has ended, attend() says so.
    void tell() {
        for (const auto& [key, kept] : kept_)
            (void)send_entry(
                journal_.get(),
                {.kind = JournalEntry::Kind::keep, .key = key, .request = kept.request},
                kept.descriptor.get());
        (void)send_entry(journal_.get(), {.kind = JournalEntry::Kind::all});
    }

    // To the end of the one that serves.
    Result<sys::WaitStatus> attend() {
        while (true) {
            sys::PollEntry entries[] = {{.fd = journal_.get(), .want_read = true},
                                        {.fd = child_.pidfd(), .want_read = true},
                                        {.fd = signals_.fd(), .want_read = true}};
            TRY(sys::poll(entries, std::nullopt));
            TRY(hear());
            if (entries[2].readable) TRY(pass_signals_on());
            if (!entries[1].readable) continue;
            TRY(hear());
            return child_.wait();
        }
    }

    Result<> hear() {
        while (journal_) {
            auto packet = TRY(sys::receive_with_descriptors(journal_.get(), kMaxJournalEntry));
            if (packet.kind == sys::PacketKind::none) return {};
            auto entry = packet.kind == sys::PacketKind::end || packet.cut
                             ? std::nullopt
                             : parse_entry(packet.bytes);
            // What it says is not to be made sense of: it is ended, and told again what is kept.
            if (!entry && packet.kind != sys::PacketKind::end) TRY(child_.signal(SIGKILL));
            if (!entry) journal_.reset();
            if (entry) take(std::move(*entry), std::move(packet.descriptors));
        }
        return {};
    }

    void take(JournalEntry entry, std::vector<sys::UniqueFd> descriptors) {
        if (entry.kind == JournalEntry::Kind::serves) served_ = true;
        if (entry.kind == JournalEntry::Kind::forget) kept_.erase(entry.key);
        if (entry.kind != JournalEntry::Kind::keep) return;
        if (kept_.size() >= kMostKept && !kept_.contains(entry.key)) {
            log_("too much is asked for: " + entry.key + " is not kept");
            return;
        }
        kept_[std::move(entry.key)] = {std::move(entry.request), descriptors.empty()
                                                                     ? sys::UniqueFd()
                                                                     : std::move(descriptors[0])};
    }

    Result<> pass_signals_on() {
        while (auto number = TRY(signals_.next())) {
            if (*number != SIGTERM) continue;
            ending_ = true;
            TRY(child_.signal(SIGTERM));
        }
        return {};
    }

    // In the time between two that serve.
    Result<bool> is_told_to_end(milliseconds pause) {
        if (!TRY(sys::wait_readable(signals_.fd(), pause))) return false;
        while (auto number = TRY(signals_.next()))
            if (*number == SIGTERM) return true;
        return false;
    }

    std::string project_;
    const Log& log_;
    sys::UniqueFd program_;
    sys::SignalQueue signals_;
    sys::Child child_;
    sys::UniqueFd journal_;
    std::map<std::string, Kept> kept_;
    bool served_ = false, ending_ = false;
};

}  // namespace

Result<int> keep(const std::string& project, const Log& log) {
    sys::ignore_broken_pipe();
    auto signals = TRY(sys::SignalQueue::open({SIGTERM, SIGHUP}));
    if (auto started = sys::check_packet_listener(kControl); !started)
        return fail(std::move(started.error()).with_hint("crank up starts it"));
    // The file that runs, whatever lies at its path by then.
    auto program = TRY(sys::open("/proc/self/exe", sys::kReadOnly));
    sys::raise_open_files();
    TRY(sys::confine_process());
    if (!sys::is_sanitized()) TRY(sys::drop_capabilities());
    return Keeper(project, log, std::move(program), std::move(signals)).run();
}

}  // namespace crank::gateway
