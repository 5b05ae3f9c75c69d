// Becoming another program.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace crank::sys {

// execve(2) with the caller's environment: returns only when it fails. Ignored signals get their
// defaults back.
Error replace_process(const std::string& path, const std::vector<std::string>& args);

}  // namespace crank::sys
