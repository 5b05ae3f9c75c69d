// How a container ended, in full: the file `end` in the state directory. Written before `exit`:
// who finds that one finds this one.
#pragma once

#include <stdint.h>

#include "shim/plan_view.h"

namespace crank::shim {

struct End {
    int status = 0;              // wait(2)'s, of the worker or of the container's first process
    bool worker_known = false;   // the init has told the worker's; otherwise it was ended itself
    int first_pid = 0;           // of the container's first process, the host's number
    int worker_pid = 0;          // of the worker; 0: not known
    uint32_t caller_signal = 0;  // the last one that came over the control socket
};

// Below an init: the worker, its first child. Otherwise `first` itself. The host's number. The init
// is told that it is known.
int find_worker(const PlanView& plan, int first);
// Asks the cgroup and, where that or the status calls for it, the kernel's log. True where
// processes were killed for want of memory.
bool record_end(const PlanView& plan, const End& end);

}  // namespace crank::shim
