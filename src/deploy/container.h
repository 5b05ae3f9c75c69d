// One container of a service. Internal.
#pragma once

#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "engine/options.h"
#include "engine/record.h"

namespace crank::deploy {

// Makes it, and starts it where the world says so: its id. It takes over the anonymous volumes of
// `before`, which may be nullptr.
Result<std::string> make_container(const World& world, const Step& step,
                                   const engine::Record* before);

// What `crank run` would be given for a step of the service's pre_start: without ports, names and
// labels. It has the anonymous volumes of `before`, too.
Result<engine::RunOptions> pre_start_options(const World& world, const compose::Service& service,
                                             std::size_t index, const engine::Record* before);

}  // namespace crank::deploy
