// stop, kill, rm, wait: verbs over a list of containers. One that fails does not keep the others
// from being done; the exit code says that something failed.
#include "cli/each.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/volume.h"

namespace crank::cli {
namespace {

constexpr Flag kStopFlags[] = {
    {"time", 't', FlagKind::value, "SECONDS", "wait so long before it is killed (-1: for ever)"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    {"signal", 's', FlagKind::value, "SIGNAL", "send this first"},
};
constexpr Flag kKillFlags[] = {
    {"signal", 's', FlagKind::value, "SIGNAL", "send this instead of KILL"},
};
constexpr Flag kRmFlags[] = {
    {"force", 'f', FlagKind::boolean, "",
     "kill it first if it runs; one that is not there is no error"},
    {"volumes", 'v', FlagKind::boolean, "", "with the volumes that were made for it alone"},
};
constexpr MissingFlag kRmMissing[] = {{"link", 'l', false}};
constexpr std::string_view kStopExamples[] = {"crank stop mail", "crank stop -t 30 mail other"};
constexpr std::string_view kKillExamples[] = {"crank kill mail", "crank kill -s HUP mail"};
constexpr std::string_view kRmExamples[] = {"crank rm mail", "crank rm -f -v mail"};
constexpr std::string_view kWaitExamples[] = {"crank wait mail"};

Result<int> perform_stop(Invocation& invocation) {
    engine::StopOptions options = TRY(read_stop_options(invocation.arguments));
    return for_each(invocation, "stop", [&](const std::string& name) -> Result<> {
        engine::Container container = TRY(engine::find(invocation.paths, name));
        TRY(engine::stop(invocation.paths, container, options));
        print_line(name);
        return {};
    });
}

Result<int> perform_kill(Invocation& invocation) {
    std::string signal = invocation.arguments.value("signal", "KILL");
    return for_each(invocation, "kill", [&](const std::string& name) -> Result<> {
        engine::Container container = TRY(engine::find(invocation.paths, name));
        TRY(engine::kill(invocation.paths, container, signal));
        print_line(name);
        return {};
    });
}

Result<int> perform_rm(Invocation& invocation) {
    bool force = invocation.arguments.on("force");
    return for_each(invocation, "rm", [&](const std::string& name) -> Result<> {
        Result<engine::Container> container = engine::find(invocation.paths, name);
        if (!container && force && container.error().code() == Code::not_found) return {};
        if (!container) return fail(std::move(container).error());
        TRY(engine::remove(invocation.paths, *container, force));
        if (invocation.arguments.on("volumes"))
            TRY(engine::volumes::release(invocation.paths, container->record,
                                         engine::volumes::Anonymous::removed));
        print_line(name);
        return {};
    });
}

Result<int> perform_wait(Invocation& invocation) {
    return for_each(invocation, "wait", [&](const std::string& name) -> Result<> {
        engine::Container container = TRY(engine::find(invocation.paths, name));
        print_line(std::to_string(TRY(engine::wait(invocation.paths, container))));
        return {};
    });
}

constexpr Syntax containers(std::span<const Flag> flags,
                            std::span<const MissingFlag> missing = {}) {
    return {.flags = flags,
            .missing = missing,
            .min_words = 1,
            .max_words = kAnyWords,
            .arguments = "CONTAINER [CONTAINER...]"};
}

}  // namespace

constinit const Verb kStop = {
    .name = "stop",
    .summary = "ask workers to end, then kill them",
    .group = Group::containers,
    .syntax = containers(kStopFlags),
    .examples = kStopExamples,
    .rights = Rights::ids,
    .perform = perform_stop,
};
constinit const Verb kKill = {
    .name = "kill",
    .summary = "kill workers, or send them a signal",
    .group = Group::containers,
    .syntax = containers(kKillFlags),
    .examples = kKillExamples,
    .rights = Rights::ids,
    .perform = perform_kill,
};
constinit const Verb kRm = {
    .name = "rm",
    .summary = "remove containers that have ended",
    .group = Group::containers,
    .syntax = containers(kRmFlags, kRmMissing),
    .examples = kRmExamples,
    .rights = Rights::ids,
    .perform = perform_rm,
};
constinit const Verb kWait = {
    .name = "wait",
    .summary = "wait until workers end, and print their exit codes",
    .group = Group::containers,
    .syntax = containers({}),
    .examples = kWaitExamples,
    .perform = perform_wait,
};

}  // namespace crank::cli
