// Who asks crank for something, for what is kept of it.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/flags.h"
#include "deploy/who.h"

namespace crank::cli {

deploy::Who performer();

// Of the verbs that change a project.
inline constexpr Flag kMessageFlag{"message", 'm', FlagKind::value, "TEXT",
                                   "why, for crank releases and crank audit"};
// Its lines as one. Errors: usage (over 1000 bytes).
Result<std::string> read_message(const Arguments& arguments);

}  // namespace crank::cli
