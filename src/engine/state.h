// What a container is doing, read from what its monitor left.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/asked.h"
#include "engine/health_state.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "runtime/end.h"
#include "runtime/runtime.h"
#include "sys/unique_fd.h"

namespace crank::engine {

enum class Status : std::uint8_t {
    starting,  // a command is making it
    created,   // made, and never started
    running,
    restarting,  // it has ended, and its monitor is about to start it again
    exited,      // or, of one that is being started again, about to run
    left_over,   // the command that was starting it was killed: nothing of it is of use
};

struct State {
    Status status = Status::starting;
    bool paused = false;  // running, and frozen
    // running
    pid_t pid = -1;
    std::uint64_t start_time = 0;
    // once it was started
    pid_t monitor_pid = -1;
    std::uint64_t monitor_start_time = 0;
    std::int64_t started_at_ns = 0;
    // restarting
    pid_t restarter_pid = -1;
    std::uint64_t restarter_start_time = 0;
    int restarts = 0;  // with the one to come
    // exited, restarting. Where nobody saw the end (the machine was restarted, the monitor killed)
    // the code is kLostExit and `error` says why.
    runtime::ExitStatus exit;
    std::string error;
    // More of the end, where its monitor recorded it and where a command of crank's asked for it.
    std::optional<runtime::EndFacts> end;
    std::optional<Asked> asked;
    // Of a container with a health check that was started (load()).
    std::optional<HealthState> health = {};
    // Why the last start, by a command or its monitor, did not come about; empty: it did.
    std::string start_error = {};
    // What it lacks since it got a new monitor, a sentence each.
    std::vector<std::string> notes = {};
};
inline constexpr char kNotes[] = "notes",
                      kPaused[] = "paused";  // in the monitor's directory, a line each
inline constexpr int kLostExit = 255;
// In the container's own directory.
inline constexpr char kCreated[] = "created";         // it was never started
inline constexpr char kStarting[] = "starting";       // a command is starting it, or was killed
inline constexpr char kStartError[] = "start-error";  // State::start_error

// Whether it has an end, or waits for its first start: nothing of it lives.
bool is_at_rest(const State& state);

// Keeps what the state directory says of the end beside the record, for the time after a reboot or
// another start.
void keep_end(const Paths& paths, const std::string& id);
// And takes it away: the container runs again.
void forget_end(const Paths& paths, const std::string& id);

// Whoever starts a container holds its lock. Where that is the caller itself, nobody is starting
// it.
enum class Lock : std::uint8_t { others, own };

// Errors: not_found when the container has no directory.
Result<State> look(const Paths& paths, const std::string& id, Lock lock = Lock::others);

// Whoever writes the record of a container that is there holds this lock. Errors: in_use (another
// command does, for longer than ten seconds).
Result<sys::UniqueFd> lock_record(const Paths& paths, const Record& record);
// Whole or not at all.
Result<> write_record(const Paths& paths, const Record& record);
// One that is empty is none: the machine lost power before the disk had what was written.
bool has_record(const Paths& paths, const std::string& id);
// The disk has it from now on.
Result<> sync_record(const Paths& paths, const std::string& id);

struct Container {
    Record record;
    State state;
};
// With --rm: it has ended, and its monitor is removing it at this moment.
bool is_going(const Container& container);

// Of its present life, or its last. Without a result yet it is starting.
HealthState read_health(const Paths& paths, const std::string& id, const State& state);

// Whether all that are named, by name or id, are native workers: asked before anything of a
// container is opened.
bool are_native(const Paths& paths, const std::vector<std::string>& names);

// That it does not run, and what to type next.
Error not_running(const Record& record);

// Errors: not_found; failed_precondition for one that is still being made.
Result<Container> load(const Paths& paths, const std::string& id, Lock lock = Lock::others);

}  // namespace crank::engine
