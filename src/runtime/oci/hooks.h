// Hooks of a container (runtime-spec config.md, "POSIX-platform Hooks").
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"

namespace crank::runtime::oci_verbs {

// In the bundle and the caller's namespaces, with the state on standard input; without an
// environment of its own it has the caller's. `index` is its place in its list. step_failed, with
// what it printed.
Result<> run_hook(const oci::Hook& hook, const char* point, std::size_t index,
                  const oci::ContainerState& state, const std::string& directory = "");
// Each in turn; the first that fails ends the row. `directory`: the bundle under another name.
Result<> run_hooks(const std::vector<oci::Hook>& hooks, const char* point,
                   const oci::ContainerState& state, const std::string& directory = "");
// The same in the namespaces of the process `state.pid`.
Result<> run_hooks_inside(const std::vector<oci::Hook>& hooks, const char* point,
                          const InsideHook& where, const oci::ContainerState& state,
                          const HostFacts& facts);

}  // namespace crank::runtime::oci_verbs
