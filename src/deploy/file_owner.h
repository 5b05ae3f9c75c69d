// Whose a secret's or config's file is to be.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::deploy {

// Nothing where the compose file says nothing. Errors: invalid_argument (no number); `what` is the
// field.
Result<std::optional<std::uint32_t>> parse_owner(const std::string& text, std::string_view what);

}  // namespace crank::deploy
