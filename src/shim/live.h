// An order of wire.h's word of orders, for the monitor's log.
#pragma once

#include <stdint.h>

namespace crank::shim {

// Somebody watches: what has no newline yet is logged at once.
inline constexpr uint32_t kOrderLive = 4;

}  // namespace crank::shim
