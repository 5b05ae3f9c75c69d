// What is removed after a container ended.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// Performs the plan's after_exit list in order; what fails is left for the next command's sweep.
void clean_up(const PlanView& plan);

}  // namespace crank::shim
