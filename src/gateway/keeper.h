// The first of a gateway's two processes, the one that crank starts: it starts the one that serves,
// keeps what crank has asked of that one, with the listening sockets, and starts another where it
// is killed. Decision 48.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"

namespace crank::gateway {

// Until the one that serves ends by itself, as it does when it is told to stop; its exit status.
// The control socket is descriptor 3. Errors: failed_precondition where crank has not started it.
Result<int> keep(const std::string& project, const std::function<void(const std::string&)>& log);

}  // namespace crank::gateway
