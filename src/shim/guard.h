// A second process beside the monitor of a detached container: it does nothing, holds what the
// monitor cannot be without (the ends of the worker's pipes, the published ports), and takes the
// monitor's place where that is killed. The monitor starts another where the guard is killed.
#pragma once

#include "shim/plan_view.h"

namespace crank::shim {

// What the monitor keeps of a container that runs. Descriptors, or -1.
struct Kept {
    int child = -1;
    int worker = 0;  // the host's number of it
    int pidfd = -1;
    int out = -1, err = -1, terminal = -1;
    int mount_namespace = -1;
    int held = -1;  // of the caller's, until the end
    int held_too = -1;
    int locker = -1;        // the process of locker.h, until it is reaped
    int life = -1;          // the writing end of the init's life line
    int plan = -1;          // the plan's file, locked: nobody else watches this container
    uint64_t ports = 0;     // a bit for each of the plan's that is open
    bool resolves = false;  // the plan's resolver is open
    uint64_t started_ns = 0;
    bool adopted = false;  // from a monitor that is gone: the child is another's to reap
    bool left_callers_groups = false;
};

// In the monitor: the guard's pid and pidfd, or -1 (it goes on without). In the guard: 0, once the
// monitor is gone.
int start_guard(const PlanView& plan, const Kept& kept, int& pidfd);
void end_guard(int pid);

// How a process that was another's child has ended, as wait(2) says it; -1: it cannot be known.
int status_of_other(int pidfd);

}  // namespace crank::shim
