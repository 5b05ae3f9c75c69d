// up: a compose project as its file says.
#include <algorithm>
#include <chrono>
#include <csignal>

#include "base/text.h"
#include "base/units.h"
#include "cli/each.h"
#include "cli/environment.h"
#include "cli/performer.h"
#include "cli/released.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

using Images = std::map<std::string, std::string>;  // of services: ids

constexpr Flag kOwnFlags[] = {
    {"detach", 'd', FlagKind::boolean, "", "leave it running in the background"},
    {"wait", 0, FlagKind::boolean, "", "until all answer or are healthy; means --detach"},
    {"wait-timeout", 0, FlagKind::value, "SECONDS", "wait so long at most (for ever)"},
    {"no-start", 0, FlagKind::boolean, "", "make containers, and start none"},
    {"time", 't', FlagKind::value, "SECONDS",
     "how long to wait before a container that is to end is killed"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    {"abort-on-container-exit", 0, FlagKind::boolean, "", "stop all when one has ended"},
    {"exit-code-from", 0, FlagKind::value, "SERVICE",
     "exit as its container does; means --abort-on-container-exit"},
    kMessageFlag,
    kIgnoreLockFlag,
    // docker compose's: nothing is asked, coloured or drawn here.
    {"yes", 'y', FlagKind::boolean, "", ""},
    {"no-color", 0, FlagKind::boolean, "", ""},
    {"quiet-pull", 0, FlagKind::boolean, "", ""},
};
constexpr auto kFlags = with_plan_flags(kOwnFlags);
constexpr MissingFlag kMissing[] = {
    {"abort-on-container-failure", 0, false, "--abort-on-container-exit"},
    {"always-recreate-deps", 0, false, "--force-recreate"},
    {"attach", 0, true, "attach: false of a service leaves its output out"},
    {"attach-dependencies", 0, false, "crank up shows all; crank logs -f NAME one"},
    {"dry-run", 0, false, "crank plan"},
    {"menu", 0, false, "leave it out: there is none"},
    {"no-attach", 0, true, "attach: false of a service leaves its output out"},
    {"no-log-prefix", 0, false, "crank up -d, and crank logs -f NAME"},
    {"renew-anon-volumes", 'V', false, "crank down -v, and crank up"},
    {"timestamps", 0, false, "crank logs -t"},
    {"watch", 'w', false, "crank dev"},
};
constexpr std::string_view kExamples[] = {
    "crank up -d",
    "crank up --wait web",
    "crank up -d --build --remove-orphans",
    "crank up -d --scale web=3",
    "crank up --abort-on-container-exit --exit-code-from tests",
};

struct UpFlags {
    bool detach = false, wait = false, starts = true;
    std::optional<std::chrono::seconds> deadline;
    std::optional<int> stop_seconds;
    std::string exit_code_from;
    bool ends_with_first = false;
};

Result<UpFlags> read_flags(const Arguments& arguments) {
    UpFlags flags{.wait = arguments.on("wait"), .starts = !arguments.on("no-start")};
    flags.stop_seconds = TRY(read_seconds(arguments));
    flags.exit_code_from = arguments.value("exit-code-from");
    flags.ends_with_first =
        arguments.on("abort-on-container-exit") || !flags.exit_code_from.empty();
    flags.deadline = TRY(read_wait_timeout(arguments));
    if (flags.wait && !flags.starts)
        return fail(Error(Code::usage, "--no-start and --wait exclude each other")
                        .with_hint("leave out one of the two"));
    flags.detach = arguments.on("detach") || flags.wait || !flags.starts;
    if (flags.detach && flags.ends_with_first)
        return fail(Error(Code::usage,
                          "--abort-on-container-exit and --exit-code-from are for the foreground")
                        .with_hint("leave out --detach, --wait and --no-start"));
    return flags;
}

std::vector<Attached::Service> attached_services(const LoadedProject& project,
                                                 const deploy::Desired& desired) {
    std::vector<Attached::Service> services;
    for (const deploy::DesiredService& service : desired.services)
        services.push_back({service.name, project.types.find(service.name)->attach});
    return services;
}

// Before anything is started: the exit code would be another's.
Result<> check_exit_code_from(const std::string& name, const LoadedProject& project,
                              const deploy::Selection& selection) {
    if (name.empty()) return {};
    // Whether there is one at all.
    TRY(deploy::desired_of(project.model, project.types, {.services = {name}}));
    deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types, selection));
    auto found = std::ranges::find(desired.services, name, &deploy::DesiredService::name);
    if (found == desired.services.end())
        return fail(Error(Code::usage, "--exit-code-from: service " + name + " is not selected")
                        .with_hint("name it, or name no services"));
    if (found->replicas == 0)
        return fail(Code::usage, "--exit-code-from: service " + name + " is to have no container");
    return {};
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::string begin = format_time(std::chrono::system_clock::now());
    UpFlags flags = TRY(read_flags(arguments));
    std::string message = TRY(read_message(arguments));
    deploy::PlanOptions options = TRY(read_plan_options(arguments));
    options.starts = flags.starts;
    deploy::Selection selection = TRY(read_selection(arguments));
    LoadedProject project = TRY(load_project(arguments, selection.services));
    auto taken = TRY(take_digests(invocation, selection, project));
    if (taken) options.images = {deploy::Images::ready};
    TRY(check_exit_code_from(flags.exit_code_from, project, selection));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    deploy::Desired desired = TRY(change(invocation,
                                         {.project = project,
                                          .selection = selection,
                                          .options = options,
                                          .stop_seconds = flags.stop_seconds,
                                          .what = with_source("up", taken),
                                          .message = message,
                                          .locked = read_locked(arguments),
                                          .images = taken ? taken->images : Images(),
                                          .watches = true,
                                          .waits = flags.wait,
                                          .deadline = flags.deadline},
                                         signals.fd()));
    if (flags.detach) return 0;
    return attend_project(invocation,
                          {.project = project.types.name,
                           .services = attached_services(project, desired),
                           .since = begin,
                           .stop_seconds = flags.stop_seconds,
                           .ends_with_first = flags.ends_with_first,
                           .exit_code_from = flags.exit_code_from},
                          signals);
}

}  // namespace

constinit const Verb kUp = {
    .name = "up",
    .summary = "start a compose project, or make it what its file says now",
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
