// What a container is doing, read from what its monitor left.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/asked.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "runtime/end.h"
#include "runtime/runtime.h"

namespace crank::engine {

enum class Status : std::uint8_t {
    created,  // a command is starting it
    running,
    exited,
    left_over,  // the command that was starting it was killed: nothing of it is of use
};

struct State {
    Status status = Status::created;
    // running
    pid_t pid = -1;
    std::uint64_t start_time = 0;
    // once it was started
    pid_t monitor_pid = -1;
    std::uint64_t monitor_start_time = 0;
    std::int64_t started_at_ns = 0;
    // exited. Where nobody saw the end (the machine was restarted, the monitor killed) the code is
    // kLostExit and `error` says why.
    runtime::ExitStatus exit;
    std::string error;
    // More of the end, where its monitor recorded it and where a command of crank's asked for it.
    std::optional<runtime::EndFacts> end;
    std::optional<Asked> asked;
    // What it lacks since it got a new monitor, a sentence each.
    std::vector<std::string> notes = {};
};
inline constexpr char kNotes[] = "notes";  // in the monitor's directory, a line each
inline constexpr int kLostExit = 255;

// Errors: not_found when the container has no directory.
Result<State> look(const Paths& paths, const std::string& id);

struct Container {
    Record record;
    State state;
};
// With --rm: it has ended, and its monitor is removing it at this moment.
bool is_going(const Container& container);

// Errors: not_found; failed_precondition for one that is still being made.
Result<Container> load(const Paths& paths, const std::string& id);

}  // namespace crank::engine
