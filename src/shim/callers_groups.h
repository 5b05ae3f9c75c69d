// The groups that whoever calls crank lives in.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// Off the path of the start: the monitor leaves its caller's groups, so that whoever ends or limits
// those does not end or limit it.
void leave_callers_cgroups(const PlanView& plan);

}  // namespace crank::shim
