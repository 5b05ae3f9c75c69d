// A health check as `inspect` shows it, in Docker's words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "engine/state.h"
#include "oci/image.h"

namespace crank::cli {

nlohmann::ordered_json describe_health(const engine::HealthState& health);
nlohmann::ordered_json describe_health_check(const engine::HealthCheck& check);
nlohmann::ordered_json describe_health_check(const oci::Healthcheck& check);
// "healthy", "starting", "unhealthy", "none".
std::string_view health_word(const engine::Container& container);
// " (healthy)", " (health: starting)", "": behind `Up 3 minutes`.
std::string health_suffix(const engine::Container& container);

}  // namespace crank::cli
