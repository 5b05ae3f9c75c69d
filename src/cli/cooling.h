// Containers that were replaced and kept frozen: they go when their time is over.
#pragma once

#include <string>

#include "cli/verb.h"

namespace crank::cli {

// Until none is left. Nothing to do where another process is at it.
Result<> cool(Invocation& invocation, const std::string& project, int cancel_fd);

}  // namespace crank::cli
