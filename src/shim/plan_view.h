// The mapped plan, seen from the shim.
#pragma once

#include "shim/wire.h"

namespace crank::shim {

struct PlanView {
    Header* header = nullptr;  // shared with crank; only `shared` is written to
    // The file by which this process has the container's id, where it was given one.
    int claim = -1;

    const Op& op(uint32_t index) const {
        auto base = reinterpret_cast<const char*>(header);
        return reinterpret_cast<const Op*>(base + header->ops)[index];
    }
    uint32_t index_of(const Op& which) const { return static_cast<uint32_t>(&which - &op(0)); }
    const char* text(uint32_t offset) const {
        return reinterpret_cast<const char*>(header) + offset;
    }
    static int slot(int32_t index) { return index < 0 ? -1 : kFirstSlot + index; }
};

// Maps the plan from kPlanFd and checks that every offset lies inside it. -1 with errno set.
int open_plan(PlanView& plan);

// Records a moment when the plan asks for timings.
void mark(const PlanView& plan, Moment moment);

}  // namespace crank::shim
