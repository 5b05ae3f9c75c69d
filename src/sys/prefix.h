// The beginning of a file that may be large.
#pragma once

#include <string>

#include "base/error.h"

namespace crank::sys {

// The first bytes, fewer where the file is shorter.
Result<std::string> read_prefix(const std::string& path, std::size_t bytes);

}  // namespace crank::sys
