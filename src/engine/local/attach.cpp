#include "engine/local/attach.h"

#include <array>
#include <csignal>
#include <thread>

#include "base/text.h"
#include "runtime/runtime.h"
#include "shim/wire.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/foreign_descriptor.h"
#include "sys/open_flags.h"
#include "sys/poll.h"
#include "sys/terminal.h"

namespace crank::engine::local {
namespace {

Error out_of_reach(const Container& container, const std::string& why) {
    return Error(Code::unsupported, "the input of container " + shown_name(container.record) +
                                        " is out of reach: " + why)
        .with_hint("crank attach --no-stdin shows its output");
}

// Below an init the worker is its first child.
pid_t worker_of(const Container& container) {
    pid_t pid = container.state.pid;
    if (!container.record.init) return pid;
    std::string path =
        "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
    auto text = sys::read_file(path, 4096);
    auto words = split(trim(text ? *text : ""), ' ');
    auto first = words.empty() ? std::nullopt : parse_int(words[0]);
    return first ? static_cast<pid_t>(*first) : pid;
}

// The worker may have put anything there meanwhile: a pipe it must be.
Result<sys::UniqueFd> open_pipe(const Container& container) {
    std::string path = "/proc/" + std::to_string(worker_of(container)) + "/fd/0";
    auto is_pipe = [](const Result<sys::FileInfo>& info) { return info && S_ISFIFO(info->mode); };
    if (!is_pipe(sys::stat(path)))
        return fail(out_of_reach(container, "it has another standard input by now"));
    auto opened = sys::open(path, sys::kWriteOnly | sys::kNonBlock);
    if (opened && is_pipe(sys::stat_fd(opened->get(), path))) return opened;
    return fail(out_of_reach(container, "its pipe cannot be opened"));
}

Result<sys::UniqueFd> open_terminal(const Container& container) {
    sys::UniqueFd process = TRY(sys::open_pidfd(container.state.pid));
    if (!runtime::is_alive(container.state.pid, container.state.start_time))
        return fail(not_running(container.record));
    auto master = sys::take_descriptor(process.get(), shim::kInitTerminal);
    if (master || master.error().code() != Code::not_found) return master;
    return fail(out_of_reach(container, "without an init its terminal is its monitor's alone"));
}

void follow_size(const Pump& pump) {
    if (pump.caller_terminal < 0 || !pump.to) return;
    if (auto size = sys::terminal_size(pump.caller_terminal))
        (void)sys::set_terminal_size(pump.to.get(), *size);
}

void pass_signals(Pump& pump) {
    while (true) {
        auto number = pump.signals->next();
        if (!number || !*number) return;
        if (**number == SIGWINCH)
            follow_size(pump);
        else
            (void)runtime::signal_process(pump.state.pid, pump.state.start_time, **number);
    }
}

// A worker that reads slowly.
bool write_slowly(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        auto written = sys::write_some(fd, bytes);
        if (!written) return false;
        bytes.remove_prefix(written->value_or(0));
        std::array<sys::PollEntry, 1> entry = {sys::PollEntry{.fd = fd, .want_write = true}};
        if (!bytes.empty() && !sys::poll(entry, std::nullopt)) return false;
    }
    return true;
}

// False: it has ended, or nobody takes it any more.
bool pass_input(Pump& pump) {
    std::array<char, 4096> block;
    auto n = sys::read_some(pump.from, block);
    if (!n || (*n && **n == 0)) return false;
    if (!*n) return true;
    std::string bytes = pump.keys.pass({block.data(), **n});
    bool written = write_slowly(pump.to.get(), bytes);
    if (!pump.keys.detached()) return written;
    pump.detached = true;
    pump.stopped.reset();
    return false;
}

void run(Pump& pump) {
    follow_size(pump);
    while (pump.from >= 0 || pump.signals) {
        std::array<sys::PollEntry, 2> entries = {
            sys::PollEntry{.fd = pump.from, .want_read = true},
            sys::PollEntry{.fd = pump.signals ? pump.signals->fd() : -1, .want_read = true}};
        if (!sys::poll(entries, std::nullopt)) return;
        if (entries[1].readable) pass_signals(pump);
        bool input = entries[0].readable || entries[0].hung_up;
        if (input && !pass_input(pump)) pump.from = -1;
    }
}

}  // namespace

Result<sys::UniqueFd> open_input(const Container& container) {
    return container.record.terminal ? open_terminal(container) : open_pipe(container);
}

void start_pump(std::shared_ptr<Pump> pump) {
    std::thread([pump = std::move(pump)] { run(*pump); }).detach();
}

}  // namespace crank::engine::local
