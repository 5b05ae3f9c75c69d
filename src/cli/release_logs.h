// What the containers of a release wrote, whether they are still there or not.
#pragma once

#include "base/error.h"
#include "cli/verb.h"
#include "engine/logs.h"

namespace crank::cli {

// Of the project that the arguments name (project_name()), of all its services or of those that
// stand there as words; the exit code. Errors: not_found (no such release, no such service in it),
// failed_precondition (a release that does not say which containers it had).
Result<int> print_release_logs(const Invocation& invocation, const engine::LogQuery& query);

}  // namespace crank::cli
