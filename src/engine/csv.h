// A line of fields, as the values of some of Docker's flags are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine {

// RFC 4180's fields; a quote inside quotes is written twice. Errors: invalid_argument.
Result<std::vector<std::string>> csv_fields(std::string_view text);

}  // namespace crank::engine
