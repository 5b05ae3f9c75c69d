// From a plan to a running crank-shim: what every road to a container has in common. Internal to
// the room.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "runtime/plan.h"
#include "shim/wire.h"
#include "sys/child.h"
#include "sys/unique_fd.h"

namespace crank::runtime {

// Bind sources become detached mounts: whatever happens to their paths from here on, the container
// gets what was named.
Result<std::vector<sys::UniqueFd>> open_binds(Plan& plan);

// Descriptors of ours by the slots they become; invalid ones are left out.
struct Handover {
    std::vector<std::pair<int, int>> fds;
    void add(int fd, int slot) {
        if (fd >= 0) fds.emplace_back(fd, shim::kFirstSlot + slot);
    }
};

struct Started {
    sys::UniqueFd control, memory;
    sys::Child shim;  // to be released where it outlives this process
};
Result<Started> start_shim(const std::string& bytes, Handover handover, const HostFacts& facts,
                           bool new_session);

// What the numbers of a plan's steps mean, for the error of one that failed: cannot_invoke and
// command_not_found for the program itself.
struct StepNames {
    std::string program;
    std::vector<std::string> names;
};
StepNames names_of(const Plan& plan, const std::string& program);
Error explain_failure(const StepNames& steps, std::uint64_t step, int error_number);

}  // namespace crank::runtime
