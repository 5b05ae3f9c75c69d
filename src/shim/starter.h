// The shim of a container without a monitor (`crank oci`): starts its process, hands it over, ends.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// Until crank releases it. When crank ends without that, the process is killed, and what was made
// for it is removed.
void run_starter(PlanView& plan);

}  // namespace crank::shim
