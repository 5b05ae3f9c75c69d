// When the phases of a command ended, for --timings.
#pragma once

#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "sys/system.h"

namespace crank::engine {

class Timeline {
public:
    // CLOCK_MONOTONIC when it was made: the beginning.
    Timeline() : begin_ns_(sys::monotonic_clock_ns()) {}
    void mark(std::string phase) {
        marks_.push_back({std::move(phase), sys::monotonic_clock_ns()});
    }
    std::int64_t begin_ns() const { return begin_ns_; }
    const std::vector<runtime::Timing>& marks() const { return marks_; }

private:
    std::int64_t begin_ns_;
    std::vector<runtime::Timing> marks_;
};

}  // namespace crank::engine
