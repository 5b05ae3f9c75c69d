// Settings in a container's record. What is as usual is not written, so that the records of older
// commands are read by the same code.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/settings.h"

namespace crank::engine {

nlohmann::ordered_json to_json(const Settings& settings);
// Throws nlohmann's exceptions.
Settings settings_from(const nlohmann::ordered_json& json);

}  // namespace crank::engine
