// `crank dev`: a project follows its sources, save by save.
#pragma once

#include "cli/dev_changes.h"
#include "sys/signals.h"

namespace crank::cli {

// Until a signal ends it: the exit code. Errors: as load_project(), read_watched(), bring_up();
// failed_precondition (there is nothing to watch), exhausted (limits of watching).
Result<int> develop(Invocation& invocation, const DevRequest& request, sys::SignalQueue& signals);

}  // namespace crank::cli
