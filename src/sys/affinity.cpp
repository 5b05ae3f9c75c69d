#include "sys/affinity.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace crank::sys {

// Raw: cpu_set_t ends at 1024 processors.
Result<> set_cpu_affinity(std::span<const std::uint64_t> mask) {
    if (::syscall(SYS_sched_setaffinity, 0, mask.size_bytes(), mask.data()) != 0)
        return fail_errno("set the CPU affinity");
    return {};
}

}  // namespace crank::sys
