// A container's health check, performed once.
#pragma once

#include "base/error.h"
#include "engine/health_state.h"
#include "engine/state.h"

namespace crank::engine::local {

// A command runs as the container's user, in its cgroup, below its filter; what is left of one that
// has not ended in time is killed. That it cannot be started is a result, too. Errors: of crank's
// own work alone.
Result<ProbeResult> run_command_probe(const Paths& paths, const Container& container,
                                      const HealthCheck& check);
// The same of a native worker: a plain process beside it.
Result<ProbeResult> run_native_probe(const Container& container, const HealthCheck& check);

}  // namespace crank::engine::local
