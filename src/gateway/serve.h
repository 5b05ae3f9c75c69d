// `crank-gateway`: from its descriptors to its end.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace crank::gateway {

// Serves on the control socket, descriptor 3, until it is told to stop (there or by SIGTERM).
// Errors: failed_precondition where crank has not started it; what keeps it from confining itself.
Result<> serve(const std::function<void(const std::string&)>& log);

}  // namespace crank::gateway
