// Secrets and configs of a native worker: files in directories of its own, while it runs.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"
#include "runtime/plan.h"

namespace crank::engine::native {

// "NAME=value" each, in the place of what else says so: SECRETS_DIR and CONFIGS_DIR where it has
// some.
void add_directories(const Paths& paths, const Record& record, std::vector<std::string>& env);

// Copies of the secrets, with what their sources hold now, and links to the configs. Errors:
// unsupported (crank's state is on a disk, where no secret may be), not_found, invalid_argument (a
// directory), exhausted (1 MiB).
Result<> make_files(const Paths& paths, const Record& record);

// That they go when it ends, also before it is started again.
void end_files(const Paths& paths, const Record& record, std::vector<runtime::AfterExit>& after);

}  // namespace crank::engine::native
