// Values of one field: from what YAML and variables give to what the field holds. Internal.
#pragma once

#include "compose/diagnostics.h"
#include "compose/schema.h"

namespace crank::compose {

// Scalars and lists of them, by the field's shape. Errors name place and path.
Result<Node> convert_value(const FieldSpec& field, const Node& node, const std::string& path,
                           Diagnostics& diagnostics);

// "1m30s", "1d", "1w": as Compose writes it, "24h0m0s". Error: invalid_argument.
Result<std::string> compose_duration(std::string_view text);

}  // namespace crank::compose
