// A project's containers and networks go: `down`, and what a killed one began.
#pragma once

#include <optional>

#include "cli/project.h"

namespace crank::cli {

struct DownRequest {
    deploy::Desired desired;  // the project, its services among the others, its resources
    deploy::DownOptions options = {};
    std::optional<int> stop_seconds = {};
};
// Errors: as deploy::apply; in_use.
Result<> take_down(Invocation& invocation, const DownRequest& request, int cancel_fd);

}  // namespace crank::cli
