// The container's first process, from clone to exec: performs ops in order, reports the first that
// fails. No allocation, no locks, no logging.
#pragma once

#include <stdint.h>

#include "shim/plan_view.h"

namespace crank::shim {

// What the monitor made for the child before the clone.
struct ChildIo {
    int report_write;  // Report packets; close-on-exec, so that its end says "exec succeeded"
    int stdout_write = -1, stderr_write = -1;  // pipes; -1: slots of the plan or /dev/null
    int terminal_socket = -1;                  // where the master end of a terminal is sent
    int locker = -1;                           // the socket to the process of locker.h
    // For an init: the reading ends of its worker's pipes, or the master of its terminal, and of
    // the pipe whose writing end the monitor and its guard have.
    int out_read = -1, err_read = -1, life_read = -1;
    int terminal_master = -1;
};

// Performs ops [first, last) in this process. 0, or the errno of the op that failed, whose index
// is left in `failed`.
int perform(const PlanView& plan, ChildIo& io, uint32_t first, uint32_t last, uint32_t& failed);

// Never returns: the body of the child.
[[noreturn]] void run_child(const PlanView& plan, ChildIo io);

}  // namespace crank::shim
