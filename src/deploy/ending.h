// The end of a project's containers. Internal.
#pragma once

#include "base/error.h"
#include "deploy/apply.h"
#include "engine/state.h"

namespace crank::deploy {

// With its pre_stop hooks; one that had to be killed is told of.
Result<void> stop_container(const World& world, const engine::Container& container);
// And it is removed, with what World says of its volumes. One that is frozen goes on before.
Result<void> end_container(const World& world, const engine::Container& container);

}  // namespace crank::deploy
