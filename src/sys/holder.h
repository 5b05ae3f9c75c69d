// A process that does nothing: it stands in a group, or holds a namespace, until it is killed.
#pragma once

#include "base/error.h"
#include "sys/child.h"

namespace crank::sys {

// Ends with the caller.
Result<Child> start_holder();

}  // namespace crank::sys
