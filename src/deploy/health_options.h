// A service's health check as `crank run` would be told it. Internal.
#pragma once

#include <cstdint>
#include <map>

#include "base/error.h"
#include "compose/service.h"
#include "engine/options.h"

namespace crank::deploy {

// Errors: invalid_argument, beginning with the field.
Result<void> apply_health(const compose::Service& service, engine::RunOptions& options);
// Of one that runs natively: its probes, at the ports that the worker has for its targets.
Result<void> apply_native_probes(const compose::Service& service,
                                 const std::map<std::uint16_t, std::uint16_t>& ports,
                                 engine::RunOptions& options);

}  // namespace crank::deploy
