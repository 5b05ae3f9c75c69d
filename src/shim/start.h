// How the shim starts the container's process and talks to crank: common to the monitor, which
// stays, and the starter, which does not.
#pragma once

#include <stdint.h>

#include "shim/plan_view.h"

namespace crank::shim {

struct Pipes {
    int report[2] = {-1, -1};
    int out[2] = {-1, -1}, err[2] = {-1, -1};
    int terminal[2] = {-1, -1};
    int locker[2] = {-1, -1};  // the locker's end, the child's
    int locker_pid = -1;
    int life[2] = {-1, -1};  // the init's end, the monitor's and its guard's
};

bool has(const PlanView& plan, uint32_t flag);
void send_packet(const Packet& packet, int descriptor = -1);
int make_pipes(const PlanView& plan, Pipes& pipes);  // 0 or errno
// The child's pid, or -1 with the step that failed and its errno; the child itself never returns.
struct StepFailure {
    uint64_t step;
    int error_number;
};
int start_child(const PlanView& plan, Pipes& pipes, int& pidfd, StepFailure& failure);
// What only the child needs: its ends of the pipes, and every slot that nobody else uses.
void close_child_ends(const PlanView& plan, Pipes& pipes);
// Removes what was made and says which step failed.
void tell_failure(const PlanView& plan, uint64_t step, int error);

}  // namespace crank::shim
