// Cgroups as the parent makes, fills and removes them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/undo.h"
#include "runtime/plan.h"
#include "sys/unique_fd.h"

namespace crank::runtime {

// Creates the plan's groups and writes their limits; `undo` removes them again. On v2 the
// controllers that the limits need are enabled on the way down.
Result<> create_cgroups(const Plan& plan, const HostFacts& facts, Undo& undo);
// v2: the group's directory, for CLONE_INTO_CGROUP. Invalid on v1.
Result<sys::UniqueFd> open_cgroup(const Plan& plan, const HostFacts& facts);

}  // namespace crank::runtime
