// A container that runs, in the foreground: `attach`, and `start -a` of one that runs already.
#pragma once

#include <string>

#include "base/error.h"
#include "cli/verb.h"
#include "engine/state.h"

namespace crank::cli {

struct AttachOptions {
    bool input = true;    // where the container was made with -i
    bool signals = true;  // the caller's go to the worker
    std::string detach_keys = "ctrl-p,ctrl-q";
};
// Until it ends, or until the keys are typed: its exit code, or 0.
Result<int> attach(Invocation& invocation, const engine::Container& container,
                   const AttachOptions& options);

}  // namespace crank::cli
