// What is removed after a container ended.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// Performs the plan's after_exit list in order. False: something is left, and so are the
// directories by which the next command finds it.
bool clean_up(const PlanView& plan);
// Whether that removes the container itself (--rm).
bool removes_itself(const PlanView& plan);
// Whether it stays all the same, for another start.
bool is_kept(const PlanView& plan);

}  // namespace crank::shim
