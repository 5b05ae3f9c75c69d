// One container of a service. Internal.
#pragma once

#include <string>

#include "base/error.h"
#include "deploy/apply.h"
#include "engine/record.h"

namespace crank::deploy {

// Makes it, and starts it where the world says so: its id. It takes over the anonymous volumes of
// `before`, which may be nullptr.
Result<std::string> make_container(const World& world, const Step& step,
                                   const engine::Record* before);

}  // namespace crank::deploy
