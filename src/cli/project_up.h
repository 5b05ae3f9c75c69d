// A project becomes what is wanted: `up` from its file, `rollback` from a release.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "cli/project.h"
#include "cli/project_lock.h"
#include "deploy/plan_file.h"

namespace crank::cli {

struct UpRequest {
    const LoadedProject& project;
    deploy::Selection selection = {};
    deploy::PlanOptions options = {};
    std::optional<int> stop_seconds = {};
    std::string what = "up";   // for its release, and the audit
    std::string message = {};  // why, as somebody said it
    Locked locked = Locked::heeded;
    std::int64_t same_as = 0;                        // a rollback: to what
    std::map<std::string, std::string> images = {};  // of services: ids, whatever names mean now
    bool unless_down = false;                        // nothing is done where `crank down` was last
    bool kept = true;                                // what changes something leaves a release
    bool keeps_failures = true;                      // also where it fails
    bool development = false;  // no canary, nothing is kept frozen: the next change is near
    std::set<std::string>* replaced = nullptr;  // services whose containers were, for the caller
    bool watches = false;                       // as rollout.watch says
    bool waits = false;                         // until all are ready
    // What a plan says that was made before: where the plan of now is another, nothing is done.
    const std::vector<deploy::SavedStep>* planned = nullptr;
    std::optional<std::chrono::seconds> deadline = {};
    // For who tells himself what was done: builds show nothing, and there is no line for each step.
    bool quiet = false;
    std::function<void(const deploy::Step&)> switched = {};  // as in deploy::Hooks
};
// What changes something leaves a release. Errors: as deploy::apply and
// deploy::wait_ready.
Result<deploy::Desired> bring_up(Invocation& invocation, const UpRequest& request, int cancel_fd);

// The containers of these services that run, one behind the other: what comes meanwhile goes to the
// others, or waits. They stay what they are. Errors: as deploy::apply.
struct RestartRequest {
    const LoadedProject& project;
    std::set<std::string> services;
    std::optional<int> stop_seconds = {};
};
Result<> restart_services(Invocation& invocation, const RestartRequest& request, int cancel_fd);

Result<bool> has_anything_to_do(const Invocation& invocation, const UpRequest& request);

// --wait-timeout; nothing: for ever. Errors: usage.
Result<std::optional<std::chrono::seconds>> read_wait_timeout(const Arguments& arguments);

// From --project-name, or the compose file.
Result<std::string> project_name(const Arguments& arguments);

}  // namespace crank::cli
