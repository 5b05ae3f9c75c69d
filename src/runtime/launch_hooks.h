// The hooks of a container that crank itself watches (`crank run`), at their points of its start.
#pragma once

#include "base/error.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/plan.h"
#include "runtime/runtime.h"

namespace crank::runtime {

// Whether there are any that are called before the container's root is entered.
bool has_create_hooks(const oci::Hooks& hooks);
bool has_hooks(const oci::Hooks& hooks);

// prestart, createRuntime and createContainer; nothing where there are none. `state` names the
// bundle and the root. Errors: step_failed, with what the hook printed; dropping `running` then
// ends the container.
Result<> run_create_hooks(Running& running, const oci::Hooks& hooks, oci::ContainerState state,
                          const HostFacts& facts);
// startContainer: the container's own programs, with the rights of its process and no others.
Result<> run_own_hooks(Running& running, const oci::RuntimeSpec& spec, oci::ContainerState state,
                       const HostFacts& facts);
// poststart: the program runs, or has ended by now and taken the bundle's name with it: `bundle`
// was opened before. A failure ends the container.
Result<> run_poststart_hooks(Running& running, const oci::Hooks& hooks, oci::ContainerState state,
                             int bundle);

}  // namespace crank::runtime
