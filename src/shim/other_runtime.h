// A container that another OCI runtime makes and forgets: the monitor calls that one's commands,
// and attends the container's first process as if it were its own child, which it becomes.
#pragma once

#include "shim/guard.h"
#include "shim/plan_view.h"
#include "shim/start.h"

namespace crank::shim {

bool is_of_other_runtime(const PlanView& plan);

// Before anything is started: what the other runtime leaves behind becomes this process's.
void await_orphans();

// `create` runs as `kept.child`. Until the container's program runs; from then on `kept` is about
// the container's first process. 0 as the error number, or what failed: nothing runs then.
StepFailure attend_creation(const PlanView& plan, Pipes& pipes, Kept& kept);

// Once the container has ended, or was never started.
void forget_in_other_runtime(const PlanView& plan);

}  // namespace crank::shim
