// The first half of a monitor's life: from the plan to a worker that runs.
#pragma once

#include "shim/guard.h"
#include "shim/plan_view.h"

namespace crank::shim {

// True once the worker runs, and is recorded; otherwise the failure has been told.
bool begin(PlanView& plan, Kept& kept);

}  // namespace crank::shim
