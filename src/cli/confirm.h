// Verbs that remove without a way back ask first.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/flags.h"

namespace crank::cli {

// Asks "This removes WHAT. Go on?" on a terminal; elsewhere only --force says yes. Errors: usage.
Result<bool> confirmed(const Arguments& arguments, std::string_view verb, const std::string& what);

}  // namespace crank::cli
