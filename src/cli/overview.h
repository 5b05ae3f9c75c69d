// What `crank` alone says: where you are.
#pragma once

#include <string>

#include "base/error.h"
#include "engine/paths.h"

namespace crank::cli {

// What runs, what has failed and why, what to type next; on an empty machine the first steps.
Result<std::string> where_text(const engine::Paths& paths);

}  // namespace crank::cli
