// plan: what `up` would do, and why.
#include "cli/environment.h"
#include "cli/output.h"
#include "cli/project.h"
#include "cli/project_lock.h"
#include "cli/saved_plan.h"
#include "cli/verbs.h"
#include "deploy/observe.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"out", 0, FlagKind::value, "FILE", "write it there, for crank deploy --plan"},
};
constexpr auto kFlags = with_plan_flags(kOwnFlags);
constexpr std::string_view kExamples[] = {
    "crank plan",
    "crank plan --scale web=3 web",
    "crank plan --out next.plan && crank deploy --plan next.plan",
    "crank plan --env staging",
    "crank plan || echo \"there is something to do, or an error\"",
};
constexpr int kChanges = 2;

// What is built leads to containers that are made again, where it is another image. True: something
// is.
Result<bool> foretell(const Invocation& invocation, const engine::Config& config,
                      const LoadedProject& project, const deploy::Plan& plan,
                      deploy::Desired& desired) {
    bool any = false;
    for (const deploy::Step& step : plan.steps) {
        if (step.action != deploy::Action::build) continue;
        std::optional<std::string> id =
            TRY(foretell_image(invocation.paths, config, project, step.service));
        for (deploy::DesiredService& service : desired.services) {
            // Of one that is not here the containers, if there are any, are another's.
            if (service.image != step.object || service.native || service.image_id.empty())
                continue;
            any = any || !id || service.image_id != *id;
            service.rebuilt = !id;
            if (id) service.image_id = *id;
        }
    }
    return any;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    deploy::PlanOptions options = TRY(read_plan_options(arguments));
    deploy::Selection selection = TRY(read_selection(arguments));
    LoadedProject project = TRY(load_project(arguments, selection.services));
    auto taken = TRY(take_digests(invocation, selection, project));
    if (taken) options.images = {deploy::Images::ready};
    deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types, selection));
    if (taken) pin(taken->images, desired);
    deploy::Plan plan = TRY(plan_now(invocation, config, desired, options));
    if (TRY(foretell(invocation, config, project, plan, desired)))
        plan = TRY(deploy::plan_up(
            desired, TRY(deploy::observe(invocation.paths, desired.project)).observed, options));
    if (auto path = arguments.find("out"))
        TRY(write_saved_plan(*path, project, desired, options, plan));
    tell_plan(plan);
    tell_lock(invocation.paths, project.types.name);
    if (!plan.changes()) {
        note("nothing to do");
        return 0;
    }
    for (const deploy::Step& step : plan.steps) print_line(deploy::describe(step));
    return kChanges;
}

}  // namespace

constinit const Verb kPlan = {
    .name = "plan",
    .summary = "print what up would do to a project, and why: exit code 2 where there is something",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .max_words = kAnyWords, .arguments = "[SERVICE...]"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
