// `crank-gateway`: from its descriptors to its end.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace crank::gateway {

inline constexpr int kControl = 3, kJournal = 4;  // descriptors

// The second of its processes, which keep() starts: serves on the control socket until it is told
// to stop (there or by SIGTERM). Errors: failed_precondition where keep() has not started it; what
// keeps it from confining itself.
Result<> serve(const std::function<void(const std::string&)>& log);

}  // namespace crank::gateway
