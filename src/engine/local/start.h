// From what a person asked for to a running container.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/config.h"
#include "engine/names.h"
#include "engine/options.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "engine/start_attempt.h"
#include "engine/timeline.h"
#include "runtime/runtime.h"

namespace crank::engine::local {

struct StartRequest {
    Paths paths;
    const Config& config;
    RunOptions options;
    // The caller's stdout and stderr, when it listens; -1 when it does not.
    int forward_stdout = -1, forward_stderr = -1;
    std::uint16_t rows = 0, columns = 0;  // of its terminal
    bool timings = false;
    int restart_count = 0;
    int unhealthy_restarts = 0;
    std::uint32_t last_delay_ms = 0;  // of a restart by the monitor: how long it has waited
    // Called with the name as typed where no image has it (and no alias stands for it); the image
    // is looked for again once it has succeeded. May be empty.
    std::function<Result<>(const std::string&)> fetch_image;
    // Called when what it takes has been found, right before its name is taken. May be empty.
    std::function<Result<>()> before_name;
};

// Its id and its name.
Result<Reservation> reserve(const StartRequest& request);

struct Started {
    Record record;
    runtime::Running running;
    // With -i: where the worker's input is written to (not with a terminal).
    sys::UniqueFd stdin_write;
    Timeline timeline;
};

// Errors: not_found (image), already_exists (name, port), permission_denied, invalid_argument,
// unsupported; cannot_invoke and command_not_found for the worker's program. Whatever fails, the
// container does not exist afterwards.
Result<Started> start(StartRequest request);

// All of it but the start: the container's record. Errors as start()'s, but for those of ports,
// which are taken by the start.
Result<Record> create(StartRequest request);

// Of a container that exists: as its record says, with its files as they are. The request's options
// and fetch_image do not count. Errors: as start()'s; not_found for an image or a volume that is
// gone. Whatever fails, the container is as it was.
Result<Started> start_again(StartRequest request, StartAttempt& attempt);

// The plan of the same request as text; nothing is done.
Result<std::string> explain(const StartRequest& request);

}  // namespace crank::engine::local
