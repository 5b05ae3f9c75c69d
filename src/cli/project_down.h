// A project's containers and networks go: `down`, and what a killed one began.
#pragma once

#include <optional>

#include "cli/project.h"
#include "cli/project_lock.h"

namespace crank::cli {

struct DownRequest {
    deploy::Desired desired;  // the project, its services among the others, its resources
    deploy::DownOptions options = {};
    std::optional<int> stop_seconds = {};
    std::string what = "down";  // for the audit
    std::string message = {};   // why, as somebody said it
    Locked locked = Locked::heeded;
};
// Errors: as deploy::apply; in_use; failed_precondition (it is locked).
Result<> take_down(Invocation& invocation, const DownRequest& request, int cancel_fd);

}  // namespace crank::cli
