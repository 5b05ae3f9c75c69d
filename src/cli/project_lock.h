// `crank lock`, for the verbs that it keeps from a project.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "cli/flags.h"
#include "deploy/project_lock.h"
#include "engine/paths.h"

namespace crank::cli {

enum class Locked : std::uint8_t {
    heeded,
    ignored,  // --ignore-lock
    beyond,   // what brings a project to where it is to be already: nobody locks that out
};

inline constexpr Flag kIgnoreLockFlag{"ignore-lock", 0, FlagKind::boolean, "",
                                      "although somebody has locked the project (crank lock)"};
inline Locked read_locked(const Arguments& arguments) {
    return arguments.on("ignore-lock") ? Locked::ignored : Locked::heeded;
}

// "locked by ann 2 hours ago (2026-01-02 03:04:05 +0000 UTC): the database moves"
std::string shown(const deploy::ProjectLock& lock);

// A note where it is locked. What cannot be read keeps it so, and is no failure of whoever looks.
void tell_lock(const engine::Paths& paths, const std::string& project);

// Errors: failed_precondition, with who, when and why; where it is ignored that is a warning.
Result<> heed_lock(const engine::Paths& paths, const std::string& project, Locked locked);

}  // namespace crank::cli
