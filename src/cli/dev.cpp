// dev: a compose project that follows its sources.
#include <csignal>

#include "cli/development.h"
#include "cli/each.h"
#include "cli/environment.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"down", 0, FlagKind::boolean, "", "take the project down at the end"},
    {"no-deps", 0, FlagKind::boolean, "", "without the services that those named depend on"},
    {"no-up", 0, FlagKind::boolean, "", "watch what runs already, and start nothing"},
    {"prune", 0, FlagKind::boolean, "",
     "remove images that a change has replaced (that is so; --prune=false keeps them)"},
    {"quiet", 0, FlagKind::boolean, "", "taken: builds are shown where they fail"},
    {"time", 't', FlagKind::value, "SECONDS",
     "how long to wait before a container that is to end is killed"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr MissingFlag kMissing[] = {
    {"dry-run", 0, false, "crank plan --build"},
};
constexpr std::string_view kExamples[] = {
    "crank dev",
    "crank dev web",
    "crank dev --no-up --time 1",
    "crank dev -f compose.yaml -f compose.dev.yaml --down",
};

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    TRY(refuse_environment(arguments, "develop"));
    DevRequest request{.services = arguments.words(),
                       .starts = !arguments.on("no-up"),
                       .dependencies = !arguments.on("no-deps"),
                       .ends = arguments.on("down"),
                       .prunes = arguments.find_switch("prune").value_or(true),
                       .stop_seconds = TRY(read_seconds(arguments))};
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    return develop(invocation, request, signals);
}

}  // namespace

constinit const Verb kDev = {
    .name = "dev",
    .summary = "start a compose project, and bring in each save of its sources",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .max_words = kAnyWords,
               .arguments = "[SERVICE...]"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
