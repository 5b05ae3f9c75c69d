// A second process in a running container.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/state.h"
#include "runtime/runtime.h"
#include "sys/unique_fd.h"

namespace crank::engine::local {

struct ExecRequest {
    const Paths& paths;
    const Container& container;
    std::vector<std::string> command;
    std::vector<std::string> env;   // as RunOptions::env
    std::string user, working_dir;  // empty: the container's
    bool detach = false, interactive = false, terminal = false;
    std::uint16_t rows = 0, columns = 0;
    bool end_with_caller = false;  // it is killed when this process ends
};

struct Executed {
    runtime::Running running;
    // The process's streams, where it has no terminal and is not detached.
    sys::UniqueFd stdin_write, stdout_read, stderr_read;
    // Where another runtime attends it: what that one says when it cannot.
    sys::UniqueFd log = {};
};

// Both ends of them; invalid where there is none.
struct ExecStreams {
    sys::UniqueFd stdin_read, stdin_write, stdout_read, stdout_write, stderr_read, stderr_write;
};
Result<ExecStreams> make_streams(const ExecRequest& request);

// Errors: failed_precondition (not running), unsupported (a native worker), cannot_invoke,
// command_not_found, not_found (the user).
Result<Executed> execute(const ExecRequest& request);
// Once it has ended: whether it never ran, and why. Errors: as execute()'s.
Result<> check_end(const ExecRequest& request, const Executed& executed,
                   const runtime::ExitStatus& exit);

}  // namespace crank::engine::local
