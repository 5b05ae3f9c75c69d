// .env files and env_file by Compose's rules.
#pragma once

#include <string_view>

#include "compose/interpolate.h"

namespace crank::compose {

inline constexpr std::size_t kMaxEnvFileBytes = std::size_t{1} << 20;

// NAME=VALUE and NAME: VALUE in lines, `export` before them, # comments, 'literal' and "expanded"
// values over several lines; a NAME alone takes its value from `lookup` or is left out. Variables
// in values come from `lookup` first, then from the lines above. Errors name file and line.
Result<Environment> parse_dotenv(std::string_view text, std::string_view name, const Lookup& lookup,
                                 const std::function<void(std::string_view)>& unset);

// The format "raw": NAME=VALUE, nothing has a meaning in VALUE.
// A name alone takes its value from `lookup`, or is left out.
Result<Environment> parse_raw_env(std::string_view text, std::string_view name,
                                  const Lookup& lookup);

}  // namespace crank::compose
