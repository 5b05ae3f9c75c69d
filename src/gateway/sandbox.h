// What is left to crank-gateway while it reads what clients and backends send.
#pragma once

#include "base/error.h"

namespace crank::gateway {

// For good: policy/seccomp-gateway.json decides about its system calls, it has no capability and
// opens no file (Landlock, where the kernel has it). A build with sanitizers is left without.
Result<> enter_sandbox();

}  // namespace crank::gateway
