// What the verbs over a compose project have in common.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "cli/verb.h"
#include "compose/service.h"
#include "deploy/apply.h"
#include "deploy/desired.h"
#include "engine/config.h"
#include "sys/signals.h"

namespace crank::cli {

inline constexpr Flag kProjectFlags[] = {
    {"file", 'f', FlagKind::list, "FILE", "compose files, each over those before it (-: stdin)"},
    {"project-name", 'p', FlagKind::value, "NAME", "the project's name"},
    {"profile", 0, FlagKind::list, "PROFILE", "also the services of that profile (*: of all)"},
    {"env-file", 0, FlagKind::list, "FILE", "variables from there, not from .env"},
    {"project-directory", 0, FlagKind::value, "DIRECTORY",
     "what relative paths start from (the first file's directory)"},
    {"env", 0, FlagKind::value, "NAME",
     "that environment: compose.NAME.yaml over the first file, in a project of its own"},
};
// A verb's own flags, and these behind them.
template <std::size_t N>
constexpr std::array<Flag, N + std::size(kProjectFlags)> with_project_flags(const Flag (&own)[N]) {
    std::array<Flag, N + std::size(kProjectFlags)> all;
    std::size_t at = 0;
    for (const Flag& flag : own) all[at++] = flag;
    for (const Flag& flag : kProjectFlags) all[at++] = flag;
    return all;
}

struct LoadedProject {
    compose::Project model;
    compose::TypedProject types;
    std::string files;  // as the label has them
    // What it was read from: those, and what they name (include, extends, env_file).
    std::set<std::string> sources = {};
};
// With the profiles of services that are named. What it warns of stands in `diagnostics`, which is
// made anew where it is read twice.
Result<compose::Project> load_model(compose::LoadOptions options,
                                    const std::vector<std::string>& services, compose::Files& files,
                                    std::optional<compose::Diagnostics>& diagnostics);
// The same with its types. Its warnings are told.
Result<LoadedProject> load_project(const Arguments& arguments,
                                   const std::vector<std::string>& services);

// The flags that `up` and `plan` share: --force-recreate, --no-recreate, --build, --no-build,
// --pull, --remove-orphans, --scale, --no-deps, --from. Errors: usage.
inline constexpr Flag kPlanFlags[] = {
    {"build", 0, FlagKind::boolean, "", "build images first, also those that are here"},
    {"no-build", 0, FlagKind::boolean, "", "build nothing: an image that is missing is an error"},
    {"pull", 0, FlagKind::value, "missing|always|never",
     "when to get images from their registries (as each service's pull_policy says)"},
    {"force-recreate", 0, FlagKind::boolean, "", "make containers again that have not changed"},
    {"no-recreate", 0, FlagKind::boolean, "", "leave containers as they are, whatever has changed"},
    {"remove-orphans", 0, FlagKind::boolean, "",
     "remove containers of services that the file no longer has"},
    {"scale", 0, FlagKind::list, "SERVICE=NUMBER", "so many containers of that service"},
    {"no-deps", 0, FlagKind::boolean, "", "without the services that those named depend on"},
    {"from", 0, FlagKind::value, "ENV",
     "the images that run in that environment or project (with --env: in the one without)"},
};
// A verb's own flags, these behind them, and those of all verbs of a project.
template <std::size_t N>
constexpr auto with_plan_flags(const Flag (&own)[N]) {
    Flag all[N + std::size(kPlanFlags)] = {};
    std::size_t at = 0;
    for (const Flag& flag : own) all[at++] = flag;
    for (const Flag& flag : kPlanFlags) all[at++] = flag;
    return with_project_flags(all);
}
Result<deploy::PlanOptions> read_plan_options(const Arguments& arguments);
// "web=3", given as `what` ("--scale web=3"). Errors: usage.
Result<std::pair<std::string, std::int64_t>> read_replicas(const std::string& text,
                                                           const std::string& what);
Result<deploy::Selection> read_selection(const Arguments& arguments);

// The plan for what is there now. Errors: as deploy::plan_up.
Result<deploy::Plan> plan_now(const Invocation& invocation, const engine::Config& config,
                              deploy::Desired& desired, const deploy::PlanOptions& options);
// For what was seen.
Result<deploy::Plan> plan_for(const Invocation& invocation, const engine::Config& config,
                              deploy::Desired& desired, const deploy::PlanOptions& options,
                              const deploy::Observed& observed);
void tell_plan(const deploy::Plan& plan);  // its warnings

// The id of the image that a build of the service would make now; nothing: that is not known before
// it is built. Errors: of its Dockerfile.
Result<std::optional<std::string>> foretell_image(const engine::Paths& paths,
                                                  const engine::Config& config,
                                                  const LoadedProject& project,
                                                  const std::string& name);

// Makes and gets images, and says on stderr what was done, but for `quiet`.
deploy::Hooks make_hooks(const Invocation& invocation, const engine::Config& config,
                         const LoadedProject& project, int cancel_fd, bool quiet = false);

// Its logs, each line behind the container's name, until all have ended: 0, or with
// `ends_with_first` the exit code of the first; a signal stops them first: 130.
struct Attached {
    struct Service {
        std::string name;
        bool shown = true;  // its lines
    };
    std::string project;
    std::vector<Service> services;
    std::string since;  // as in LogQuery
    std::optional<int> stop_seconds;
    bool ends_with_first = false;  // when one ends the others are stopped
    std::string exit_code_from;    // a service whose exit code is the verb's; empty: none
};
Result<int> attend_project(Invocation& invocation, const Attached& attached,
                           sys::SignalQueue& signals);

}  // namespace crank::cli
