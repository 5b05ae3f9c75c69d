#include "shim/slice.h"

#include <sched.h>

#include "shim/kernel.h"

namespace crank::shim {
namespace {

// struct sched_attr of linux/sched/types.h in its first form (Linux 3.14), which every kernel
// takes.
struct SchedulerAttributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};
static_assert(sizeof(SchedulerAttributes) == 48);

constexpr uint64_t kResetOnFork = 1;

}  // namespace

void ask_for_short_slices() {
    SchedulerAttributes now{};
    if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) != 0) return;
    // Idle tasks give way to everybody already; the others have no slices of this kind.
    if (now.policy != SCHED_OTHER && now.policy != SCHED_BATCH) return;
    // Whoever asked that children start afresh has no use for a wish that children inherit.
    if ((now.flags & kResetOnFork) != 0) return;
    now.size = sizeof now;
    now.flags = 0;
    now.runtime = kSliceNs;
    (void)syscall(SYS_sched_setattr, 0, &now, 0);
}

}  // namespace crank::shim
