// `crank releases --all-envs`: which digest runs where.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/verb.h"

namespace crank::cli {

// A row for each service of each project that is made from the same file as this one. The exit
// code.
Result<int> print_places(const Invocation& invocation, const std::string& project);

}  // namespace crank::cli
