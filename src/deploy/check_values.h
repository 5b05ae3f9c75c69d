// Values that the compose file's schema lets pass, and that no container could be made with.
#pragma once

#include "base/error.h"
#include "compose/diagnostics.h"
#include "compose/load.h"
#include "compose/service.h"

namespace crank::deploy {

// Before anything is begun: what would end an `up` at the service that has it, when others are
// changed already. What only the machine or an image knows (devices, users) is not looked at.
// Errors: those of run_options() and networks::define(), with file, line and field in front.
Result<void> check_values(const compose::Project& project, const compose::TypedProject& types,
                          const compose::Diagnostics& diagnostics);

}  // namespace crank::deploy
