#include <algorithm>
#include <optional>

#include "base/text.h"
#include "cli/cid_file.h"
#include "cli/fetch.h"
#include "cli/foreground.h"
#include "cli/output.h"
#include "cli/run_flags.h"
#include "cli/storage_limit.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/failed_start.h"
#include "engine/lifecycle.h"
#include "engine/local/attend.h"
#include "engine/local/prepare.h"
#include "engine/local/start.h"
#include "engine/native/start.h"
#include "sys/system.h"
#include "sys/terminal.h"

namespace crank::cli {
namespace {

constexpr int kStdin = 0, kStdout = 1, kStderr = 2;

std::string milliseconds(std::int64_t ns) {
    std::string text = std::to_string(ns / 1'000'000) + ".";
    std::string fraction = std::to_string(1000 + ns / 1000 % 1000);
    return text + fraction.substr(1) + " ms";
}

void print_timings(const engine::local::Started& started) {
    std::vector<runtime::Timing> all = started.timeline.marks();
    for (runtime::Timing& timing : started.running.timings()) all.push_back(std::move(timing));
    std::sort(all.begin(), all.end(),
              [](const auto& a, const auto& b) { return a.at_ns < b.at_ns; });
    Table table({"PHASE", "SINCE THE BEGINNING"});
    for (const runtime::Timing& timing : all)
        table.add({timing.name, milliseconds(timing.at_ns - started.timeline.begin_ns())});
    std::string text = table.text();
    text.pop_back();
    note(text);
}

Result<> check_terminal(const engine::RunOptions& options) {
    if (!options.terminal || !options.interactive || options.detach || sys::is_terminal(kStdin))
        return {};
    return fail(Error(Code::invalid_argument,
                      "-t with -i wants a terminal as standard input, and it is none")
                    .with_hint("leave out -t"));
}

// Without --attach everything is.
bool is_attached(const std::vector<std::string>& shown, std::string_view stream) {
    return shown.empty() || std::ranges::find(shown, stream) != shown.end();
}

Result<> read_attach(const Arguments& arguments, engine::RunOptions& options) {
    std::vector<std::string> shown = arguments.values("attach");
    if (shown.empty()) return {};
    for (const std::string& stream : shown)
        if (stream != "stdin" && stream != "stdout" && stream != "stderr")
            return fail(Code::invalid_argument,
                        "--attach \"" + stream + "\": stdin, stdout or stderr");
    if (options.detach)
        return fail(Error(Code::invalid_argument,
                          "conflicting options: cannot specify both --attach and --detach")
                        .with_hint("leave out one of the two"));
    if (is_attached(shown, "stdin")) options.interactive = true;
    return {};
}

Result<> make_room(const engine::Paths& paths, const std::string& name) {
    Result<engine::Container> before = engine::find(paths, name);
    // By its name alone, not by an id that begins so.
    if (before && before->record.name == name) return engine::remove(paths, *before, true);
    if (!before && before.error().code() != Code::not_found) return fail(std::move(before).error());
    return {};
}

// --replace: who has the name goes, once there is an image for the one that takes its place.
Result<> arrange_replacement(const Invocation& invocation, engine::local::StartRequest& request) {
    if (!invocation.arguments.on("replace")) return {};
    const std::string& name = request.options.name;
    if (name.empty())
        return fail(Error(Code::usage, "--replace wants a name: whose place should it take?")
                        .with_hint("--name NAME"));
    request.before_name = [&paths = invocation.paths, name] { return make_room(paths, name); };
    return {};
}

engine::local::StartRequest make_request(Invocation& invocation, const engine::Config& config,
                                         engine::RunOptions options) {
    engine::local::StartRequest request{.paths = invocation.paths,
                                        .config = config,
                                        .options = std::move(options),
                                        .timings = invocation.arguments.on("timings")};
    if (!request.options.detach) {
        std::vector<std::string> shown = invocation.arguments.values("attach");
        if (is_attached(shown, "stdout")) request.forward_stdout = kStdout;
        if (is_attached(shown, "stderr")) request.forward_stderr = kStderr;
    }
    if (request.options.terminal) set_size(request);
    return request;
}

// --pull: before the start (always, newer), where it is missing, or never.
Result<> arrange_fetch(Invocation& invocation, const engine::Config& config,
                       engine::local::StartRequest& request,
                       const std::optional<sys::SignalQueue>& signals) {
    const std::string& image = request.options.image;
    PullPolicy policy = TRY(parse_pull_policy(invocation.arguments.value("pull", "missing")));
    auto fetch = [&invocation, &config](const std::string& typed, int cancel_fd) -> Result<> {
        bool quiet = invocation.arguments.on("quiet");
        TRY(fetch_image(invocation.paths, config, typed, cancel_fd, quiet));
        return keep_storage_limit(invocation.paths);
    };
    if (policy == PullPolicy::always) return fetch(image, -1);
    if (policy == PullPolicy::newer) {
        bool here = engine::local::find_image(invocation.paths, config, image).has_value();
        return or_what_is_here(fetch(image, -1), image, here);
    }
    if (policy == PullPolicy::missing)
        request.fetch_image = [&invocation, &signals, fetch](const std::string& typed) {
            if (!invocation.arguments.on("quiet"))
                note("unable to find image '" + typed + "' locally");
            return fetch(typed, signals ? signals->fd() : -1);
        };
    return {};
}

// A program that the image lacks: how to see what it has.
Error with_a_look(Error error, const engine::RunOptions& options) {
    if (error.code() != Code::command_not_found || !error.hint().empty() || options.image.empty())
        return error;
    const std::string program = !options.entrypoint.value_or("").empty() ? *options.entrypoint
                                : options.command.empty()                ? ""
                                                                         : options.command[0];
    bool shell = program == "sh" || program == "bash" || program.starts_with("/bin/");
    return std::move(error).with_hint(
        shell ? "crank create --name look " + options.image +
                    " x; crank export look | tar -t lists the image's files"
              : "crank run --rm -it --entrypoint sh " + options.image + " looks into the image");
}

// `crank why NAME` says it again; a name that was made up nobody knows.
void note_failure(const Invocation& invocation, const engine::RunOptions& options,
                  const Error& error) {
    if (options.name.empty()) return;
    engine::note_failed_start(invocation.paths, {.name = options.name,
                                                 .image = options.image,
                                                 .command = join(options.command, " "),
                                                 .text = error.text(),
                                                 .hint = error.hint(),
                                                 .exit_code = exit_code_for(kRun, error),
                                                 .at_ns = sys::wall_clock_ns()});
}

}  // namespace

Result<int> perform_run(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    engine::RunOptions options = TRY(read_run_options(arguments));
    options.detach = arguments.on("detach");
    TRY(read_attach(arguments, options));
    bool native = arguments.on("native");
    if (!native && options.image.empty())
        return fail(Error(Code::usage, "no image given").with_hint("crank run --help"));
    TRY(check_terminal(options));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    engine::local::StartRequest request = make_request(invocation, config, options);
    if (arguments.on("explain")) {
        if (native) return fail(Code::unsupported, "--explain with --native is not supported yet");
        print(TRY(engine::local::explain(request)));
        return 0;
    }
    CidFile cid_file = TRY(CidFile::take(arguments.value("cidfile")));
    std::optional<sys::SignalQueue> signals;
    if (!native) TRY(arrange_fetch(invocation, config, request, signals));
    TRY(arrange_replacement(invocation, request));
    bool proxied = arguments.find_switch("sig-proxy").value_or(true);
    using engine::local::SignalProxy;
    if (!options.detach)
        signals.emplace(
            TRY(engine::local::take_signals(proxied ? SignalProxy::on : SignalProxy::off)));
    auto begin = native ? engine::native::start : engine::local::start;
    Result<engine::local::Started> begun = begin(std::move(request));
    if (!begun) {
        Error error = with_a_look(std::move(begun).error(), options);
        note_failure(invocation, options, error);
        return fail(std::move(error));
    }
    engine::local::Started started = std::move(*begun);
    if (!options.name.empty()) engine::forget_failed_start(invocation.paths, options.name);
    TRY(cid_file.write(started.record.id));
    for (const std::string& warning : started.record.warnings) warn(warning);
    if (arguments.on("timings")) print_timings(started);
    bool unseen = !is_attached(arguments.values("attach"), "stdout") &&
                  !is_attached(arguments.values("attach"), "stderr");
    if (options.detach || unseen) print_line(started.record.id);
    if (!started.record.ports.empty()) note("listening on " + listeners_text(started.record.ports));
    if (options.detach) return 0;
    return attend_foreground(started, {.input = options.interactive, .terminal = options.terminal},
                             *signals);
}

Result<int> perform_create(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    engine::RunOptions options = TRY(read_run_options(arguments));
    bool native = arguments.on("native");
    if (!native && options.image.empty())
        return fail(Error(Code::usage, "no image given").with_hint("crank create --help"));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    engine::local::StartRequest request{
        .paths = invocation.paths, .config = config, .options = std::move(options)};
    CidFile cid_file = TRY(CidFile::take(arguments.value("cidfile")));
    std::optional<sys::SignalQueue> signals;
    if (!native) TRY(arrange_fetch(invocation, config, request, signals));
    auto make = native ? engine::native::create : engine::local::create;
    TRY(arrange_replacement(invocation, request));
    engine::Record record = TRY(make(std::move(request)));
    TRY(cid_file.write(record.id));
    for (const std::string& warning : record.warnings) warn(warning);
    print_line(record.id);
    return 0;
}

}  // namespace crank::cli
