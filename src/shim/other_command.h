// Commands of another runtime, as children of the monitor's.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// The words begin at `list` in the plan; `last` is one more, or null. In a session of its own, with
// nothing of the monitor's but the three standard descriptors. -1: there is no process.
int start_command(const PlanView& plan, uint32_t list, uint32_t count, char* last);

enum class Ending : uint8_t { by_itself, killed };
// Waits for its end, and reaps it; killed with what it has started. Its code, as a shell has it.
int end_command(int pid, Ending ending);

}  // namespace crank::shim
