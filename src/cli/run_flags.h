// What the flags of `run` mean.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/verb.h"
#include "engine/options.h"

namespace crank::cli {

// Reads every flag that becomes part of the container. Errors: as the parsers of engine/options.h,
// base/units.h and network::parse_port.
// But for --detach, which `create` does not have.
Result<engine::RunOptions> read_run_options(const Arguments& arguments);

// Those of them that become engine::Settings, in run_settings.cpp.
Result<> read_settings(const Arguments& arguments, engine::Settings& settings);

// --platform, of a machine that runs its own alone. Errors: unsupported.
Result<> check_platform(const Arguments& arguments);

// And those of its health check, in health_flags.cpp.
Result<> read_health(const Arguments& arguments, engine::RunOptions& options);

Result<int> perform_run(Invocation& invocation);
Result<int> perform_create(Invocation& invocation);

}  // namespace crank::cli
