// Verbs over a list of containers: one that fails does not keep the others from being done; the
// exit code says that something failed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "cli/verb.h"
#include "engine/lifecycle.h"

namespace crank::cli {

using Action = std::function<Result<>(const std::string& name)>;

// The exit code.
int for_each(Invocation& invocation, std::string_view verb, const Action& action);

// --time; nothing: it was not given. Errors: usage.
Result<std::optional<int>> read_seconds(const Arguments& arguments);
// --time and --signal. Errors: usage.
Result<engine::StopOptions> read_stop_options(const Arguments& arguments);
// A worker that does not listen to its signal loses what it was doing, each time: worth a word.
void tell_of_kill(const engine::Record& record, const engine::StopOptions& options,
                  engine::Stopped stopped);

}  // namespace crank::cli
