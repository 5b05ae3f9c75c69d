// The process that stands beside a container: starts it, keeps its output, its ports and its end.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// Runs until the worker has ended and everything is recorded and removed. The exit status of the
// process means nothing: what happened is told over the control socket and in the state directory.
void run_monitor(PlanView& plan);
// The same from the middle: of a container whose monitor and guard are gone (adoption.h). `pid`:
// its first process; `started_ns`: when it was started, CLOCK_REALTIME.
void run_adopter(PlanView& plan, int pid, uint64_t started_ns);

}  // namespace crank::shim
