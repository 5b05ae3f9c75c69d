// A release as what a project is to become.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/project_up.h"
#include "deploy/releases.h"

namespace crank::cli {

// The command line of another crank over the same directories.
std::vector<std::string> again(const engine::Paths& paths, std::vector<std::string> words);

// The word at that place, if there is one. Errors: usage (no number).
Result<std::optional<std::int64_t>> read_release(const Arguments& arguments, std::size_t at);

// From the file of the release. Errors: as compose::load.
Result<LoadedProject> load_release(const deploy::Release& release);
// Its services, so many of each, with the images of then. `project` is what load_release() gave.
UpRequest request_for(const deploy::Release& release, const LoadedProject& project);

// To that release, as a release of its own. `why`: what led to it; empty: somebody asked.
struct RollBack {
    std::string why = {};
    std::string message = {};  // of whoever asked
    std::optional<int> stop_seconds = {};
    bool waits = false;
    bool unless_down = false;
    Locked locked = Locked::heeded;
};
Result<> roll_back(Invocation& invocation, const deploy::Release& release, const RollBack& how,
                   int cancel_fd);

// bring_up(), and where that fails in the middle: the services of which it replaced containers go
// back to the last release that ended well, which is said. They stay where a service says
// `revert: false`.
Result<deploy::Desired> change(Invocation& invocation, UpRequest request, int cancel_fd);

// After a change, beside whoever made it: so long as `rollout.watch` says, a process looks whether
// the containers go on well, and goes back otherwise. Nothing where no service has one.
Result<> begin_watch(const Invocation& invocation, const LoadedProject& project);
// Beside whoever made a change: what it kept frozen is ended once its time is over, and files that
// are to stay in memory do. Nothing where it kept nothing.
Result<> begin_cooling(const Invocation& invocation, const std::string& project);
// The work of the first.
Result<> watch(Invocation& invocation, const std::string& project, std::chrono::nanoseconds time,
               int cancel_fd);

}  // namespace crank::cli
