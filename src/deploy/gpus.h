// Which GPUs of this machine services may have, and who has which.
#pragma once

#include "base/error.h"
#include "deploy/plan.h"
#include "engine/config.h"
#include "engine/options.h"
#include "engine/paths.h"

namespace crank::deploy {

// Fills in what services want, and what containers have, of this project and others. Of a service
// whose request nothing here meets nothing: its container says so when it is started.
Result<void> find_gpus(const engine::Paths& paths, const engine::Config& config, Desired& desired);

// Of a container that is about to be made and asks for so many of more: those that fewest others
// have. It keeps them. Errors: those of engine::list.
Result<void> choose_gpus(const engine::Paths& paths, const engine::Config& config,
                         engine::RunOptions& options);

}  // namespace crank::deploy
