// What the monitor of a container executes: to start it again, to probe it.
#pragma once

#include <cstdint>

#include "engine/paths.h"
#include "engine/record.h"
#include "runtime/plan.h"

namespace crank::engine {

shim::Restart when_of(RestartPolicy::Kind kind);

// `last_delay_ms`: the pause before this start, 0 where a person started it. Without a policy too,
// since it may get one while it runs. A native worker's environment is the one of the command that
// first started it.
runtime::Restart restart_of(const Paths& paths, const Record& record, std::uint32_t last_delay_ms);

// Nothing to do without a health check.
runtime::HealthSchedule health_schedule_of(const Paths& paths, const Record& record);

}  // namespace crank::engine
