// Verbs over a list of containers: one that fails does not keep the others from being done; the
// exit code says that something failed.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/verb.h"
#include "engine/lifecycle.h"

namespace crank::cli {

using Action = std::function<Result<>(const std::string& name)>;

// The exit code.
int for_each(Invocation& invocation, std::string_view verb, const Action& action);

// --time and --signal. Errors: usage.
Result<engine::StopOptions> read_stop_options(const Arguments& arguments);

}  // namespace crank::cli
