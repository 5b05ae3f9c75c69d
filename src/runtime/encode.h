// The plan as bytes for crank-shim (shim/wire.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "runtime/plan.h"

namespace crank::runtime {

// What the encoder needs beside the plan.
struct Encoding {
    shim::Role role = shim::Role::monitor;
    const Options* options = nullptr;                                      // monitor only
    bool stdin_given = false, stdout_given = false, stderr_given = false;  // join only
    bool hand_over = false;        // stdin, stdout and stderr count with it too
    bool cgroup_given = false;     // v2
    bool end_with_caller = false;  // join only; a monitor's stands in its options
    bool forward_stdout = false, forward_stderr = false;
    std::size_t listener_count = 0;
    bool resolves = false;  // behind the listeners of the ports lie the resolver's two
    // Cgroups that the monitor removes at the end.
    std::vector<std::string> remove_cgroups;
    bool kill_cgroup = false;  // and what is left in them before that
    const OtherRuntime* other = nullptr;
    bool console_given = false;  // its terminal comes over a listener
};

// Slots of forwarded outputs lie behind the listeners.
int forward_slot(const Plan& plan, std::size_t listener_count, int number);

// Pure. invalid_argument: a text with a NUL, which would be cut there. exhausted: more ports or
// paths than the format holds, or more than 16 MiB.
Result<std::string> encode(const Plan& plan, const Encoding& encoding);

}  // namespace crank::runtime
