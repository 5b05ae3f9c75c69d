// A list of jobs, done by one thread per channel.
#pragma once

#include <functional>

#include "transfer/session.h"

namespace crank::transfer {

// Calls `job(channel, index)` for each index below `count`. After a failure no other job is begun;
// the first one in the order of the list is returned.
Result<> work_off(Session& session, std::size_t count,
                  const std::function<Result<>(Channel&, std::size_t)>& job);

}  // namespace crank::transfer
