#include "cli/attach.h"

#include <functional>
#include <memory>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "engine/local/attach.h"
#include "engine/local/attend.h"
#include "engine/logs.h"
#include "runtime/adopt.h"
#include "sys/file.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0;

constexpr Flag kFlags[] = {
    {"no-stdin", 0, FlagKind::boolean, "", "do not pass standard input on"},
    {"sig-proxy", 0, FlagKind::boolean, "",
     "pass signals on (the default; --sig-proxy=false: they end crank alone)"},
    {"detach-keys", 0, FlagKind::value, "KEYS", "leave its terminal by these (ctrl-p,ctrl-q)"},
};
constexpr std::string_view kExamples[] = {"crank attach mail", "crank attach --no-stdin mail"};

Result<> check(const engine::Container& container) {
    auto refuse = [&](const char* what, const char* verb) {
        return fail(Error(Code::failed_precondition,
                          "you cannot attach to " + std::string(what) + " container")
                        .with_hint(std::string(verb) + engine::shown_name(container.record)));
    };
    switch (container.state.status) {
        case engine::Status::running: break;
        case engine::Status::restarting: return refuse("a restarting", "crank logs -f ");
        default: return refuse("a stopped", "crank start -a ");
    }
    if (container.state.paused) return refuse("a paused", "crank unpause ");
    return {};
}

// As the monitor logs it from now on. A worker's line may come in parts.
Result<> show_output(const engine::Paths& paths, const engine::Container& container, int stop_fd,
                     std::function<void()> on_follow) {
    engine::LogQuery query;
    query.follow = true;
    query.tail = 0;
    query.stop_fd = stop_fd;
    query.on_follow = std::move(on_follow);
    flush_each_line();
    return engine::read_logs(paths, container, query, [](const engine::LogLine& line) -> Result<> {
        std::string text(line.text);
        if (line.full) text += '\n';
        print_to(line.stream == engine::Stream::err ? Output::err : Output::out, text);
        return {};
    });
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    AttachOptions options;
    options.input = !arguments.on("no-stdin");
    options.signals = arguments.find_switch("sig-proxy").value_or(true);
    options.detach_keys = arguments.value("detach-keys", options.detach_keys);
    return attach(invocation, TRY(engine::find(invocation.paths, arguments.words()[0])), options);
}

}  // namespace

Result<int> attach(Invocation& invocation, const engine::Container& container,
                   const AttachOptions& options) {
    const engine::Paths& paths = invocation.paths;
    const engine::Record& record = container.record;
    TRY(check(container));
    auto pump = std::make_shared<engine::local::Pump>();
    bool input = options.input && record.interactive;
    bool terminal = record.terminal && input && sys::is_terminal(kStdin);
    pump->state = container.state;
    if (terminal) pump->keys = TRY(engine::local::DetachKeys::parse(options.detach_keys));
    if (input) pump->to = TRY(engine::local::open_input(container));
    if (input) pump->from = kStdin;
    if (terminal) pump->caller_terminal = kStdin;
    if (options.signals) pump->signals.emplace(TRY(engine::local::take_signals()));
    // Where a container of another crank does not hear it, what has no newline comes later.
    (void)runtime::give_order(paths.monitor(record.id), runtime::Order::live);
    sys::Pipe stopped = TRY(sys::make_pipe());
    pump->stopped = std::move(stopped.write);
    sys::UniqueFd exit = engine::hold_exit(paths, container);
    std::optional<sys::RawMode> raw;
    if (terminal) raw.emplace(TRY(sys::RawMode::enter(kStdin)));
    // No input before its answer would be seen.
    Result<> shown =
        show_output(paths, container, stopped.read.get(), [&] { engine::local::start_pump(pump); });
    raw.reset();
    TRY(std::move(shown));
    if (pump->detached) {
        note("read escape sequence");
        return 0;
    }
    return TRY(engine::look(paths, record.id)).exit.code;
}

constinit const Verb kAttach = {
    .name = "attach",
    .summary = "show the output of a worker that runs, and pass input on to it",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
