// What this process may do at most: its capabilities (capabilities(7)).
#pragma once

#include <cstdint>

#include "base/error.h"

namespace crank::sys {

// The permitted set; bit n is capability n. What a host withholds from root is missing in it.
Result<std::uint64_t> permitted_capabilities();

}  // namespace crank::sys
