#include "engine/local/exec.h"

#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/env_file.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "engine/local/attend.h"
#include "engine/options.h"
#include "sys/system.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0;

constexpr Flag kFlags[] = {
    {"detach", 'd', FlagKind::boolean, "", "do not wait for it"},
    {"interactive", 'i', FlagKind::boolean, "", "pass standard input on"},
    {"tty", 't', FlagKind::boolean, "", "give it a terminal"},
    {"env", 'e', FlagKind::list, "NAME[=VALUE]", "set a variable"},
    {"env-file", 0, FlagKind::list, "FILE", "variables from a file: NAME=value, a line each"},
    {"workdir", 'w', FlagKind::value, "DIR", "working directory in the container"},
    {"user", 'u', FlagKind::value, "USER[:GROUP]", "user to run as"},
};
constexpr MissingFlag kMissing[] = {
    {"detach-keys", 0, true, "crank exec -d, and crank attach --detach-keys for its first process"},
    {"privileged", 0, false, "crank run --privileged, or --cap-add for what it needs"}};
constexpr std::string_view kExamples[] = {"crank exec mail cat /etc/hosts",
                                          "crank exec -it mail sh"};

Result<engine::local::ExecRequest> read_request(const engine::Paths& paths,
                                                const Arguments& arguments,
                                                const engine::Container& container) {
    engine::local::ExecRequest request{.paths = paths,
                                       .container = container,
                                       .command = arguments.words(),
                                       .env = {},
                                       .user = arguments.value("user"),
                                       .working_dir = arguments.value("workdir"),
                                       .detach = arguments.on("detach"),
                                       .interactive = arguments.on("interactive"),
                                       .terminal = arguments.on("tty")};
    request.command.erase(request.command.begin());
    std::vector<std::string> environment = sys::environment();
    for (const std::string& path : arguments.values("env-file"))
        for (std::string& entry : TRY_IN(engine::read_env_file(path, environment), "--env-file"))
            request.env.push_back(std::move(entry));
    for (const std::string& text : arguments.values("env"))
        for (std::string& one : TRY(engine::parse_env_words(text, environment)))
            request.env.push_back(std::move(one));
    if (request.terminal && request.interactive && !request.detach && !sys::is_terminal(kStdin))
        return fail(Error(Code::invalid_argument,
                          "-t with -i wants a terminal as standard input, and it is none")
                        .with_hint("leave out -t"));
    if (request.terminal) {
        if (auto size = sys::terminal_size(kStdin)) {
            request.rows = size->rows;
            request.columns = size->columns;
        }
    }
    return request;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    engine::Container container = TRY(engine::find(invocation.paths, arguments.words()[0]));
    engine::local::ExecRequest request = TRY(read_request(invocation.paths, arguments, container));
    sys::SignalQueue signals = TRY(engine::local::take_signals());
    engine::local::Executed executed = TRY(engine::local::execute(request));
    engine::note_container(invocation.paths, container.record,
                           "exec_start: " + join(request.command, " "));
    if (request.detach) return 0;
    bool raw = request.terminal && sys::is_terminal(kStdin);
    runtime::ExitStatus exit = TRY(engine::local::attend({
        .running = executed.running,
        .signals = signals,
        .input = request.interactive ? kStdin : -1,
        .stdin_write = std::move(executed.stdin_write),
        .terminal = request.terminal,
        .caller_terminal = raw ? kStdin : -1,
        .stdout_read = std::move(executed.stdout_read),
        .stderr_read = std::move(executed.stderr_read),
        .copy_terminal = request.terminal,
    }));
    TRY(engine::local::check_end(request, executed, exit));
    return exit.code;
}

}  // namespace

constinit const Verb kExec = {
    .name = "exec",
    .summary = "run a command in a running container",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 2,
               .max_words = kAnyWords,
               .first_word_ends_flags = true,
               .arguments = "CONTAINER COMMAND [ARG...]"},
    .examples = kExamples,
    .engine_failure = 125,
    .rights = Rights::required,
    .perform = perform,
};

}  // namespace crank::cli
