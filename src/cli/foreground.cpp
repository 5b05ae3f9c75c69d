#include "cli/foreground.h"

#include "base/units.h"
#include "cli/output.h"
#include "engine/local/attend.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0;
constexpr int kSigKill = 9, kSigSys = 31;

// What the worker's own output cannot say. With --rm nobody can ask `crank why` later.
void warn_of_end(const engine::Record& record, const runtime::ExitStatus& exit) {
    std::string more = record.remove ? "" : " (crank why " + record.name + ")";
    if (exit.oom_killed) {
        std::string limit =
            record.memory > 0 ? "; the memory limit is " + format_size_binary(record.memory) : "";
        warn((exit.signal == kSigKill
                  ? "the kernel killed the worker for want of memory"
                  : "the kernel killed a process of the worker for want of memory") +
             limit + more);
    } else if (exit.signal == kSigSys) {
        warn("a system call filter ended the worker (SIGSYS)" + more);
    }
}

}  // namespace

std::string listeners_text(const std::vector<engine::PublishedPort>& ports) {
    std::string text;
    for (const engine::PublishedPort& port : ports) {
        bool v6 = port.host_ip.find(':') != std::string::npos;
        text += (text.empty() ? "" : ", ") + (v6 ? "[" + port.host_ip + "]" : port.host_ip) + ":" +
                std::to_string(port.host_port) + " -> " + std::to_string(port.container_port) +
                (port.protocol == "tcp" ? "" : "/" + port.protocol);
    }
    return text;
}

void set_size(engine::local::StartRequest& request) {
    auto size = sys::terminal_size(kStdin);
    if (!size) return;
    request.rows = size->rows;
    request.columns = size->columns;
}

Result<int> attend_foreground(engine::local::Started& started, const Foreground& how,
                              sys::SignalQueue& signals) {
    runtime::ExitStatus exit = TRY(engine::local::attend({
        .running = started.running,
        .signals = signals,
        .input = how.input ? kStdin : -1,
        .stdin_write = std::move(started.stdin_write),
        .terminal = how.terminal,
        .caller_terminal = how.terminal && sys::is_terminal(kStdin) ? kStdin : -1,
        .stdout_read = {},
        .stderr_read = {},
    }));
    warn_of_end(started.record, exit);
    return exit.code;
}

}  // namespace crank::cli
