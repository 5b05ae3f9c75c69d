// What a change has replaced and keeps: containers that are frozen go when their time is over, and
// until then the files of those that could not be stay in the page cache.
#pragma once

#include <string>

#include "cli/verb.h"

namespace crank::cli {

// Until none is left. Nothing to do where another process is at it.
Result<> cool(Invocation& invocation, const std::string& project, int cancel_fd);

}  // namespace crank::cli
