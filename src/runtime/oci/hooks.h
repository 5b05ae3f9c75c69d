// Hooks of a container (runtime-spec config.md, "POSIX-platform Hooks").
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"

namespace crank::runtime::oci_verbs {

// Each in turn, in the caller's namespaces, with the state on standard input; the first that fails
// ends the row. step_failed, with what it printed.
Result<> run_hooks(const std::vector<oci::Hook>& hooks, const char* point,
                   const oci::ContainerState& state);
// The same in the namespaces of the process `state.pid`.
Result<> run_hooks_inside(const std::vector<oci::Hook>& hooks, const char* point,
                          const oci::ContainerState& state, const HostFacts& facts);

}  // namespace crank::runtime::oci_verbs
