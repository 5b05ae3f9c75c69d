// A person keeps a project as it is: ROOT/projects/NAME/locked, until `crank unlock`. It outlives a
// reboot and `crank down -v`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "deploy/who.h"
#include "engine/paths.h"

namespace crank::deploy {

struct ProjectLock {
    std::int64_t at_ns = 0;  // CLOCK_REALTIME
    Who who = {};
    std::string message;  // why; may be empty
    bool operator==(const ProjectLock&) const = default;
};
std::string serialize(const ProjectLock& lock);
// Errors: corrupt.
Result<ProjectLock> parse_project_lock(std::string_view json);

// Nothing: it is not locked. Errors: corrupt, which keeps it locked.
Result<std::optional<ProjectLock>> find_project_lock(const engine::Paths& paths,
                                                     const std::string& project);
// Under the project's lock of the moment (Records::lock), so that nobody is changing it. Errors:
// already_exists.
Result<> keep_project_lock(const engine::Paths& paths, const std::string& project,
                           const ProjectLock& lock);
// Whatever it says. False: there was none.
Result<bool> remove_project_lock(const engine::Paths& paths, const std::string& project);

}  // namespace crank::deploy
