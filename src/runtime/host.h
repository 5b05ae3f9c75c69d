// The facts of this machine that plans are made from.
#pragma once

#include "base/error.h"
#include "runtime/plan.h"

namespace crank::runtime {

// Reads /proc/self/mountinfo, the cgroup roots and the processor count: about 100 us.
Result<HostFacts> probe_host();

}  // namespace crank::runtime
