// The foreground: signals, input and the window's size go to the worker until it ends.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "runtime/runtime.h"
#include "sys/signals.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

// The signals that a foreground worker gets instead of crank. To be opened before the start, so
// that a Ctrl-C in the middle of it is not lost. Without a proxy these are crank's own, and the
// queue has what a terminal needs.
enum class SignalProxy : std::uint8_t { on, off };
Result<sys::SignalQueue> take_signals(SignalProxy proxy = SignalProxy::on);

struct AttendRequest {
    runtime::Running& running;
    sys::SignalQueue& signals;
    int input = -1;             // the caller's stdin; -1: not copied
    sys::UniqueFd stdin_write;  // the worker's, where it has no terminal
    bool terminal = false;      // input goes to the worker's terminal, the caller's is made raw
    int caller_terminal = -1;   // whose size the worker's terminal follows; -1: none
    // Output that nobody else forwards (`exec`): read here, written to stdout and stderr.
    sys::UniqueFd stdout_read, stderr_read;
    bool copy_terminal = false;  // the terminal's output too
};
Result<runtime::ExitStatus> attend(AttendRequest request);

}  // namespace crank::engine::local
