// Whether processes of this machine have a GPU in use.
#pragma once

#include <sys/types.h>

#include <vector>

#include "engine/gpu/host.h"

namespace crank::engine::gpu {

// One of them has a node of a GPU's open: of NVIDIA's, AMD's compute interface, or one below
// /dev/dri. Of what has ended, or may not be looked at, nothing is known: false.
bool is_held_by(const Host& host, const std::vector<pid_t>& pids);

}  // namespace crank::engine::gpu
