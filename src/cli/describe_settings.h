// engine::Settings as Docker's HostConfig has them.
#pragma once

#include <nlohmann/json.hpp>

#include "engine/settings.h"

namespace crank::cli {

nlohmann::ordered_json describe_settings(const engine::Settings& settings);

}  // namespace crank::cli
