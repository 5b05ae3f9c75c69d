// Which processes a container has.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/error.h"
#include "engine/state.h"
#include "runtime/plan.h"

namespace crank::engine {

// Ascending, as this machine numbers them: by its cgroup, or where it has none by its process
// namespace. Errors: failed_precondition (it does not run).
Result<std::vector<pid_t>> processes_of(const Container& container, const runtime::HostFacts& host);

}  // namespace crank::engine
