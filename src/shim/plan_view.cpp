#include "shim/plan_view.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

namespace crank::shim {

int open_plan(PlanView& plan) {
    struct stat info{};
    if (fstat(kPlanFd, &info) != 0) return -1;
    if (static_cast<uint64_t>(info.st_size) < sizeof(Header) || info.st_size > (16 << 20)) {
        errno = EINVAL;
        return -1;
    }
    auto size = static_cast<size_t>(info.st_size);
    void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, kPlanFd, 0);
    if (memory == MAP_FAILED) return -1;
    auto* header = static_cast<Header*>(memory);
    // The plan comes from crank itself; this catches an old shim beside a new crank.
    if (header->magic != kMagic || header->size != size || header->ops % 8 != 0 ||
        header->ops + uint64_t{header->op_count} * sizeof(Op) > size ||
        uint64_t{header->before_clone} + header->between > header->op_count ||
        header->after_exit_count > kMaxAfterExit || header->port_count > kMaxPorts) {
        errno = EPROTO;
        return -1;
    }
    plan.header = header;
    return 0;
}

void mark(const PlanView& plan, Moment moment) {
    if ((plan.header->flags & kFlagTimings) == 0) return;
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    plan.header->shared.moments[static_cast<uint32_t>(moment)] =
        static_cast<uint64_t>(now.tv_sec) * 1000000000u + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace crank::shim
