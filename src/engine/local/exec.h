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
    const Container& container;
    std::vector<std::string> command;
    std::vector<std::string> env;   // as RunOptions::env
    std::string user, working_dir;  // empty: the container's
    bool detach = false, interactive = false, terminal = false;
    std::uint16_t rows = 0, columns = 0;
};

struct Executed {
    runtime::Running running;
    // The process's streams, where it has no terminal and is not detached.
    sys::UniqueFd stdin_write, stdout_read, stderr_read;
};

// Errors: failed_precondition (not running), unsupported (a native worker), cannot_invoke,
// command_not_found, not_found (the user).
Result<Executed> execute(const ExecRequest& request);

}  // namespace crank::engine::local
