// healthcheck run: as podman has it, and as the monitor of a container with a health check does.
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/health.h"
#include "engine/lifecycle.h"

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    // Of a container's monitor, whose time has come.
    {"scheduled", 0, FlagKind::boolean, "", ""},
};
constexpr std::string_view kExamples[] = {"crank healthcheck run mail",
                                          "crank healthcheck run mail || crank why mail"};

// Not by engine::find: that would look for a monitor, and this is its child.
Result<int> perform_scheduled(Invocation& invocation) {
    const std::string& id = invocation.arguments.words()[0];
    engine::Container container = TRY(engine::load(invocation.paths, id));
    TRY(engine::check_health(invocation.paths, container, engine::CheckedBy::monitor));
    return 0;
}

Result<int> perform(Invocation& invocation) {
    if (invocation.arguments.on("scheduled")) return perform_scheduled(invocation);
    const std::string& name = invocation.arguments.words()[0];
    engine::Container container = TRY(engine::find(invocation.paths, name));
    auto checked =
        TRY(engine::check_health(invocation.paths, container, engine::CheckedBy::person));
    if (!checked)
        return fail(Error(Code::failed_precondition,
                          "container " + name + " ended or was paused while it was probed")
                        .with_hint("crank why " + name));
    if (checked->result.exit_code == 0) return 0;
    // Its health on standard output, as podman; why on the other.
    print_line(engine::name_of(checked->status));
    note(checked->result.output.empty() ? "exit code " + std::to_string(checked->result.exit_code)
                                        : checked->result.output);
    return 1;
}

}  // namespace

constinit const Verb kHealthcheckRun = {
    .name = "healthcheck run",
    .summary =
        "probe a container's health once: exit code 0 where it is healthy, 1 where it is not",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kExamples,
    .engine_failure = 125,
    .rights = Rights::required,
    .perform = perform,
};

}  // namespace crank::cli
