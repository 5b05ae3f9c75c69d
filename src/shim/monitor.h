// The process that stands beside a container: starts it, keeps its output, its ports and its end.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// Runs until the worker has ended and everything is recorded and removed. The exit status of the
// process means nothing: what happened is told over the control socket and in the state directory.
void run_monitor(PlanView& plan);

}  // namespace crank::shim
