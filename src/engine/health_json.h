// A health check as a container's record keeps it. Internal to the room.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/health_check.h"

namespace crank::engine {

nlohmann::ordered_json to_json(const HealthCheck& check);
// Throws nlohmann's exceptions.
HealthCheck health_check_from(const nlohmann::ordered_json& json);

}  // namespace crank::engine
