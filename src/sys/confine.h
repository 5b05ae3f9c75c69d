// What a process gives up for good before it reads what strangers send.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace crank::sys {

// No program that it starts gains rights (no_new_privs), no other process of the user reads its
// memory (not dumpable, so no core file either), and it may map at most `memory` bytes.
Result<> confine_process(std::uint64_t memory);

}  // namespace crank::sys
