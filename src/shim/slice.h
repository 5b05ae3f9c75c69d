// How long a container's tasks run before the scheduler looks at the others.
#pragma once

#include <stdint.h>

namespace crank::shim {

// Nanoseconds; the shortest that the fair scheduler takes (kernel/sched/syscalls.c clamps to
// 0.1 ms .. 100 ms).
inline constexpr uint64_t kSliceNs = 100'000;

// Asks for slices of kSliceNs, for this task and all that it clones later. Shares of the processor
// stay what they are: who asks for short turns has more of them. Where the caller chose another
// policy than the fair ones nothing is changed, and a kernel before 6.12 ignores the wish. A wish,
// not a limit: nothing fails over it.
void ask_for_short_slices();

}  // namespace crank::shim
