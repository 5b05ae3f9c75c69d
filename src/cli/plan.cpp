// plan: what `up` would do, and why.
#include "cli/output.h"
#include "cli/project.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr auto kFlags = with_project_flags(kPlanFlags);
constexpr std::string_view kExamples[] = {
    "crank plan",
    "crank plan --scale web=3 web",
    "crank plan || echo \"there is something to do, or an error\"",
};
constexpr int kChanges = 2;

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    deploy::PlanOptions options = TRY(read_plan_options(arguments));
    deploy::Selection selection = TRY(read_selection(arguments));
    LoadedProject project = TRY(load_project(arguments, selection.services));
    deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types, selection));
    deploy::Plan plan = TRY(plan_now(invocation, config, desired, options));
    tell_plan(plan);
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
