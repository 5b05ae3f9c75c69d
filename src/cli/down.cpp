// down: a compose project's containers and networks go.
#include <csignal>

#include "cli/compose_files.h"
#include "cli/each.h"
#include "cli/output.h"
#include "cli/performer.h"
#include "cli/project_down.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"volumes", 'v', FlagKind::boolean, "",
     "its volumes too, with what is in them, and its releases"},
    {"remove-orphans", 0, FlagKind::boolean, "",
     "also containers of services that the file no longer has"},
    {"time", 't', FlagKind::value, "SECONDS", "wait so long before one is killed (-1: for ever)"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    kMessageFlag,
    kIgnoreLockFlag,
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr MissingFlag kMissing[] = {
    {"dry-run", 0, false, "crank status shows what is there"},
    {"rmi", 0, true, "crank rmi IMAGE"},
};
constexpr std::string_view kExamples[] = {
    "crank down",
    "crank down -v",
    "crank down -p mail --remove-orphans",
};

struct Wanted {
    deploy::Desired desired;  // its name, and those of its services
    bool from_file = false;
};

std::vector<deploy::DesiredResource> resources_of(const compose::Project& project,
                                                  std::string_view kind) {
    std::vector<deploy::DesiredResource> resources;
    const compose::Node* all = project.model.find(kind);
    if (all == nullptr) return resources;
    for (const compose::Field& field : all->fields) {
        const compose::Node* external = field.value.find("external");
        resources.push_back({.key = field.key,
                             .name = field.value.text_of("name"),
                             .external = external != nullptr && external->flag});
    }
    return resources;
}

// Its environment files and secrets are of no use here, and may be gone.
Result<Wanted> from_file(compose::LoadOptions options) {
    options.resolve_environment = false;
    // Those of services of other profiles, too.
    options.keep_unused = true;
    ProjectFiles files;
    compose::Diagnostics diagnostics;
    compose::Project project = TRY(compose::load(options, files, diagnostics));
    Wanted wanted{.desired = {.project = project.name}, .from_file = true};
    for (const compose::Node* services : {project.model.find("services"), &project.disabled})
        if (services != nullptr)
            for (const compose::Field& field : services->fields)
                wanted.desired.others.insert(field.key);
    wanted.desired.networks = resources_of(project, "networks");
    wanted.desired.volumes = resources_of(project, "volumes");
    return wanted;
}

// Without a file that can be read its name is enough: containers say what they are. Which volumes
// are external only the file says.
Result<Wanted> load(const Arguments& arguments) {
    std::string name;
    if (auto given = arguments.find("project-name"))
        name = TRY(compose::check_project_name(*given));
    bool by_name = !name.empty() && arguments.values("file").empty();
    Result<compose::LoadOptions> options = find_compose_files(arguments);
    if (!options && (!by_name || options.error().code() != Code::not_found))
        return fail(std::move(options.error()));
    if (options) {
        Result<Wanted> wanted = from_file(std::move(*options));
        if (wanted || !by_name) return wanted;
        if (arguments.on("volumes"))
            return fail(std::move(wanted.error())
                            .with_context("which volumes of project " + name + " are to stay"));
        warn("all that project " + name + " has goes: " + wanted.error().text());
    }
    return Wanted{.desired = {.project = name}};
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::optional<int> seconds = TRY(read_seconds(arguments));
    std::string message = TRY(read_message(arguments));
    Wanted wanted = TRY(load(arguments));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    TRY(take_down(invocation,
                  {.desired = wanted.desired,
                   .options = {.volumes = arguments.on("volumes"),
                               .orphans = arguments.on("remove-orphans") || !wanted.from_file,
                               .declared = wanted.from_file},
                   .stop_seconds = seconds,
                   .what = arguments.on("volumes") ? "down -v" : "down",
                   .message = message,
                   .locked = read_locked(arguments)},
                  signals.fd()));
    return 0;
}

}  // namespace

constinit const Verb kDown = {
    .name = "down",
    .summary = "stop and remove a compose project's containers and networks",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .missing = kMissing},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
