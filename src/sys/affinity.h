// The processors that the calling process may run on (sched_setaffinity(2)).
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"

namespace crank::sys {

// Bit i of word i / 64: processor i. What the calling thread starts inherits it. invalid_argument:
// none of them may be used here.
Result<> set_cpu_affinity(std::span<const std::uint64_t> mask);

}  // namespace crank::sys
