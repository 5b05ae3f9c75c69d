// Freezing every process of a container, and letting them go on.
#pragma once

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::engine {

// Errors: failed_precondition where it does not run, or is paused already; unsupported without a
// cgroup that can be frozen.
Result<> pause(const Paths& paths, const Container& container);
// Errors: failed_precondition where it is not paused.
Result<> unpause(const Paths& paths, const Container& container);
// The same for one that is about to be ended: nothing to do where it is not paused.
Result<> thaw(const Paths& paths, const Container& container);
// Error: failed_precondition where it is paused, with the remedy; `what`: "exec".
Result<> require_awake(const Container& container, const char* what);

}  // namespace crank::engine
