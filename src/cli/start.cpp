// start and restart.
#include <optional>

#include "base/text.h"
#include "cli/attach.h"
#include "cli/choice.h"
#include "cli/each.h"
#include "cli/foreground.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/local/attend.h"
#include "engine/pause.h"
#include "engine/start_existing.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0, kStdout = 1, kStderr = 2;

constexpr Flag kStartFlags[] = {
    {"attach", 'a', FlagKind::boolean, "", "show its output, wait for its end, and end as it does"},
    {"interactive", 'i', FlagKind::boolean, "",
     "pass standard input on too, to a container that was made with -i"},
    {"all", 0, FlagKind::boolean, "", "every container that does not run"},
    kLatestFlag,
    kChoiceFilterLetterFlag,
    // Of a monitor whose container's policy says so: how many milliseconds it has waited; or that
    // it has ended, and that who leads to it is to know.
    {"again", 0, FlagKind::value, "", ""},
};
constexpr MissingFlag kStartMissing[] = {
    {"detach-keys", 0, true, "crank start, and crank attach --detach-keys"},
    {"checkpoint", 0, true, "crank pause and crank unpause stop a worker for a while"},
    {"checkpoint-dir", 0, true, "crank pause and crank unpause stop a worker for a while"}};
constexpr std::string_view kStartExamples[] = {"crank start mail", "crank start -a job",
                                               "crank start --all --filter restart-policy=always"};
constexpr Flag kRestartFlags[] = {
    {"time", 't', FlagKind::value, "SECONDS", "wait so long before it is killed (-1: for ever)"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    {"signal", 's', FlagKind::value, "SIGNAL", "send this first"},
    kAllFlag,
    {"running", 0, FlagKind::boolean, "", "every container that runs"},
    kLatestFlag,
    kCidFileFlag,
    kChoiceFilterLetterFlag,
};
constexpr std::string_view kRestartExamples[] = {"crank restart mail",
                                                 "crank restart -t 30 mail other"};

using engine::local::Started;

Result<> require_startable(const engine::Container& container) {
    if (!container.state.paused) return {};
    std::string name = engine::shown_name(container.record);
    return fail(Error(Code::failed_precondition, "container " + name + " is paused")
                    .with_hint("crank unpause " + name));
}

// New warnings alone: those of its making it has told.
void tell(const engine::Record& before, const Started& started) {
    for (std::size_t i = before.warnings.size(); i < started.record.warnings.size(); ++i)
        warn(started.record.warnings[i]);
    if (!started.record.ports.empty()) note("listening on " + listeners_text(started.record.ports));
}

Result<> start_detached(Invocation& invocation, const engine::Config& config,
                        const Chosen& chosen) {
    const engine::Container& container = chosen.container;
    TRY(require_startable(container));
    engine::local::StartRequest request{.paths = invocation.paths, .config = config, .options = {}};
    engine::Starter starter = engine::Starter::command;
    if (auto delay = invocation.arguments.find("again")) {
        starter = engine::Starter::monitor;
        request.last_delay_ms = static_cast<std::uint32_t>(parse_int(*delay).value_or(0));
    }
    auto started = TRY(engine::start_existing(std::move(request), container.record.id, starter));
    if (started) tell(container.record, *started);
    print_line(chosen.shown);
    return {};
}

Result<int> start_attached(Invocation& invocation, const engine::Config& config,
                           const Chosen& chosen) {
    const engine::Container& container = chosen.container;
    const std::string& name = chosen.shown;
    TRY(require_startable(container));
    bool input = invocation.arguments.on("interactive") && container.record.interactive;
    bool terminal = container.record.terminal;
    if (terminal && input && !sys::is_terminal(kStdin))
        return fail(Error(Code::invalid_argument,
                          "container " + name + " has a terminal, and standard input is none")
                        .with_hint("leave out -i"));
    engine::local::StartRequest request{.paths = invocation.paths,
                                        .config = config,
                                        .options = {},
                                        .forward_stdout = kStdout,
                                        .forward_stderr = kStderr};
    if (terminal) set_size(request);
    auto signals = TRY(engine::local::take_signals());
    auto started = TRY(
        engine::start_existing(std::move(request), container.record.id, engine::Starter::command));
    if (!started)
        return attach(invocation, TRY(engine::find(invocation.paths, name)), {.input = input});
    tell(container.record, *started);
    return attend_foreground(*started, {.input = input, .terminal = terminal}, signals);
}

Result<int> perform_start(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    if (arguments.find("again") == engine::kEnded && !arguments.words().empty()) {
        TRY(engine::note_ended(invocation.paths, arguments.words().front()));
        return 0;
    }
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    if (!arguments.on("attach") && !arguments.on("interactive"))
        return for_each_chosen(
            invocation, "start", is_ended,
            [&](const Chosen& chosen) { return start_detached(invocation, config, chosen); },
            Presence::wanted, Order::oldest_first);
    if (arguments.words().size() > 1 || arguments.on("all"))
        return fail(Code::usage, "you cannot start and attach multiple containers at once");
    int code = 0;
    int failed =
        TRY(for_each_chosen(invocation, "start", is_ended, [&](const Chosen& chosen) -> Result<> {
            code = TRY(start_attached(invocation, config, chosen));
            return {};
        }));
    return failed != 0 ? failed : code;
}

Result<int> perform_restart(Invocation& invocation) {
    engine::StopOptions options = TRY(read_stop_options(invocation.arguments));
    options.keep = true;
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    Suits suits = invocation.arguments.on("running") ? Suits(lives) : Suits(any_state);
    return for_each_chosen(
        invocation, "restart", suits,
        [&](const Chosen& chosen) -> Result<> {
            const engine::Container& container = chosen.container;
            auto stopped = TRY(engine::stop(invocation.paths, container, options));
            tell_of_kill(container.record, options, stopped);
            auto started = TRY(
                engine::start_existing({.paths = invocation.paths, .config = config, .options = {}},
                                       container.record.id, engine::Starter::command));
            if (started) tell(container.record, *started);
            print_line(chosen.shown);
            return {};
        },
        Presence::wanted, Order::oldest_first);
}

}  // namespace

constinit const Verb kStart = {
    .name = "start",
    .summary = "start containers that exist, with their files as they are",
    .group = Group::containers,
    .syntax = {.flags = kStartFlags,
               .missing = kStartMissing,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kStartExamples,
    .engine_failure = 1,
    .rights = Rights::required,
    .perform = perform_start,
};
constinit const Verb kRestart = {
    .name = "restart",
    .summary = "stop containers and start them again",
    .group = Group::containers,
    .syntax = {.flags = kRestartFlags,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kRestartExamples,
    .engine_failure = 1,
    .rights = Rights::required,
    .perform = perform_restart,
};

}  // namespace crank::cli
