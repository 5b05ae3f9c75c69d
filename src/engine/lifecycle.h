// What happens to containers that exist: list, stop, kill, wait, remove.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"
#include "sys/unique_fd.h"

namespace crank::engine {

// By name, id or prefix. Errors: as resolve() and load().
Result<Container> find(const Paths& paths, std::string_view name_or_id);

// Newest first. What a killed command left is swept on the way; the cost grows with the number of
// containers, and no other verb's does.
Result<std::vector<Container>> list(const Paths& paths);

struct StopOptions {
    std::optional<int> timeout;         // seconds, -1: for ever; nothing: the container's own
    std::optional<std::string> signal;  // nothing: the container's own
    bool keep = false;                  // it will be started again: also with --rm it stays
    // Its health check says so: what is noted, and whether its monitor was told to start it again.
    std::optional<Asked> unhealthy = {};
    bool starts_again = false;
};
// The stop signal, the wait, then SIGKILL; whatever its restart policy, it stays ended. Returns
// once it has ended and its monitor is done. A container that does not run is no error, nor are two
// stops at once.
enum class Stopped : std::uint8_t {
    before,  // it did not run
    asked,   // by the signal, or by itself
    killed,  // after its time
};
Result<Stopped> stop(const Paths& paths, const Container& container, const StopOptions& options);

// A name with or without "SIG", or a number from 1 to 64. Errors: invalid_argument.
Result<> check_signal(std::string_view signal);
// Errors: failed_precondition when it does not run; invalid_argument for an unknown signal.
Result<> kill(const Paths& paths, const Container& container, std::string_view signal);

// While it is held the monitor of a container with --rm leaves its exit where it can be read. Best
// effort.
sys::UniqueFd hold_exit(const Paths& paths, const Container& container);

// Until it has ended: the exit code.
Result<int> wait(const Paths& paths, const Container& container);

// Errors: in_use when it runs, unless forced.
Result<> remove(const Paths& paths, const Container& container, bool force);

}  // namespace crank::engine
