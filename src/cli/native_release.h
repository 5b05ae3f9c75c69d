// The directory of a native release (deploy/native_releases.h): made and set up.
#pragma once

#include "base/error.h"
#include "compose/service.h"
#include "engine/paths.h"

namespace crank::cli {

// Its source copied as COPY would, and the commands of x-crank.native.setup run in it once. What
// was made before is taken as it is. Errors: failed_precondition (a command that failed), those of
// build::ContextCopy.
Result<> prepare_native(const engine::Paths& paths, const std::string& project,
                        const compose::Service& service);

}  // namespace crank::cli
