// Staying with a process that was handed over to this one: `run` and `exec` without --detach.
#pragma once

#include "base/error.h"
#include "runtime/oci/life.h"
#include "sys/unique_fd.h"

namespace crank::cli {

// The way by which the master end of a process's terminal comes to this process.
struct TerminalRelay {
    sys::UniqueFd mine, theirs;  // of a socket; invalid: --console-socket takes it
};
// Has the caller's terminal copied by this process, where it stays and names no console socket.
Result<TerminalRelay> offer_relay(runtime::oci_verbs::Caller& caller, bool stays);

// Until the process, a child of ours by now, has ended; signals go to it, and its terminal, if it
// has one here, is copied. What `run` exits with.
Result<int> attend_process(int pid, TerminalRelay* relay);

}  // namespace crank::cli
