// What the monitor of a container with a restart policy executes.
#pragma once

#include <cstdint>

#include "engine/paths.h"
#include "engine/record.h"
#include "runtime/plan.h"

namespace crank::engine {

// `last_delay_ms`: the pause before this start, 0 where a person started it. Nothing to do without
// a policy. A native worker's environment is the one of the command that first started it.
runtime::Restart restart_of(const Paths& paths, const Record& record, std::uint32_t last_delay_ms);

}  // namespace crank::engine
