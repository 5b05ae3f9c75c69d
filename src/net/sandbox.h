// What is left to crank-net while it reads what registries send.
#pragma once

#include "base/error.h"

namespace crank::net {

// For good, and for the threads that come later: policy/seccomp-net.json decides about its system
// calls, it has no capability, maps at most 2 GiB, and opens nothing but what the resolver and TLS
// read (Landlock, where the kernel has it). A build with sanitizers is left without.
Result<> enter_sandbox();

}  // namespace crank::net
