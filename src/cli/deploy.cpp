// deploy: `up` for a machine that serves: in the background, and done when all are ready.
#include <algorithm>
#include <csignal>

#include "cli/each.h"
#include "cli/environment.h"
#include "cli/performer.h"
#include "cli/released.h"
#include "cli/saved_plan.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"plan", 0, FlagKind::value, "FILE",
     "do what crank plan --out wrote there, exactly, or nothing"},
    {"wait-timeout", 0, FlagKind::value, "SECONDS", "wait so long at most (for ever)"},
    {"time", 't', FlagKind::value, "SECONDS",
     "how long to wait before a container that is to end is killed"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    kMessageFlag,
    kIgnoreLockFlag,
};
constexpr auto kFlags = with_plan_flags(kOwnFlags);
constexpr std::string_view kExamples[] = {
    "crank deploy",
    "crank deploy --build --remove-orphans",
    "crank plan --out next.plan && crank deploy --plan next.plan",
    "crank deploy --env staging",
    "crank deploy --env production --from staging -m \"tried since Monday\"",
};

constexpr std::string_view kBesideAPlan[] = {"plan",         "time",    "timeout",
                                             "wait-timeout", "message", "ignore-lock"};

// What a plan says already is not asked for beside it.
Result<> check_alone(const Arguments& arguments) {
    auto refuse = [](const std::string& what) {
        return fail(Error(Code::usage, "--plan: " + what + " is in the plan already")
                        .with_hint("crank plan --out FILE, with that"));
    };
    if (!arguments.words().empty()) return refuse("which services");
    for (const Flag& flag : kFlags) {
        std::string name(flag.name);
        bool beside = std::ranges::find(kBesideAPlan, name) != std::end(kBesideAPlan);
        if (!beside && arguments.has(name)) return refuse("--" + name);
    }
    return {};
}

struct Asked {
    LoadedProject project;
    deploy::Selection selection;
    deploy::PlanOptions options;
    std::map<std::string, std::string> images;
    std::optional<std::vector<deploy::SavedStep>> planned;
    std::string what;
};

Result<Asked> read_asked(const Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    deploy::PlanOptions options = TRY(read_plan_options(arguments));
    deploy::Selection selection = TRY(read_selection(arguments));
    LoadedProject project = TRY(load_project(arguments, selection.services));
    auto taken = TRY(take_digests(invocation, selection, project));
    if (taken) options.images = {deploy::Images::ready};
    return Asked{.project = std::move(project),
                 .selection = selection,
                 .options = options,
                 .images = taken ? taken->images : std::map<std::string, std::string>(),
                 .planned = {},
                 .what = with_source("deploy", taken)};
}

Result<Asked> read_plan(const std::string& path) {
    deploy::SavedPlan saved = TRY(read_saved_plan(path));
    LoadedProject project = TRY_IN(load_release(saved.release), path);
    UpRequest request = request_for(saved.release, project);
    request.selection.dependencies = false;  // they are among those of the plan
    request.options.recreate = saved.recreate;
    request.options.remove_orphans = saved.remove_orphans;
    request.options.waits = saved.waits;
    return Asked{.project = std::move(project),
                 .selection = std::move(request.selection),
                 .options = request.options,
                 .images = std::move(request.images),
                 .planned = std::move(saved.steps),
                 .what = "deploy --plan"};
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::optional<int> stop_seconds = TRY(read_seconds(arguments));
    auto deadline = TRY(read_wait_timeout(arguments));
    std::string message = TRY(read_message(arguments));
    auto plan = arguments.find("plan");
    if (plan) TRY(check_alone(arguments));
    Asked asked = TRY(plan ? read_plan(*plan) : read_asked(invocation));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    TRY(change(invocation,
               {.project = asked.project,
                .selection = asked.selection,
                .options = asked.options,
                .stop_seconds = stop_seconds,
                .what = asked.what,
                .message = message,
                .locked = read_locked(arguments),
                .images = asked.images,
                .watches = true,
                .waits = true,
                .planned = asked.planned ? &*asked.planned : nullptr,
                .deadline = deadline},
               signals.fd()));
    return 0;
}

}  // namespace

constinit const Verb kDeploy = {
    .name = "deploy",
    .summary = "make a compose project what its file says now, and wait until all are ready",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .max_words = kAnyWords, .arguments = "[SERVICE...]"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
