// A plan in a file: `crank plan --out` writes it, `crank deploy --plan` carries it out.
#pragma once

#include <string>

#include "cli/project.h"
#include "deploy/plan_file.h"

namespace crank::cli {

// Readable by its owner alone. Errors: failed_precondition (an image that is not there yet).
Result<> write_saved_plan(const std::string& path, const LoadedProject& project,
                          const deploy::Desired& desired, const deploy::PlanOptions& options,
                          const deploy::Plan& plan);
// Errors: not_found, corrupt.
Result<deploy::SavedPlan> read_saved_plan(const std::string& path);

}  // namespace crank::cli
