// crank: one command, no daemon.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/audited.h"
#include "cli/compose_services.h"
#include "cli/compose_words.h"
#include "cli/oci.h"
#include "cli/output.h"
#include "cli/overview.h"
#include "cli/program.h"
#include "cli/project_up.h"
#include "cli/verb.h"
#include "engine/names.h"
#include "engine/paths.h"
#include "engine/rootless.h"
#include "engine/state.h"
#include "sys/own_user_namespace.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr int kUsage = 2;

// A flag of the verb's own wins over the same one in front of it.
std::string global(const Arguments& before, const Arguments& after, std::string_view name) {
    return after.find(name).value_or(before.value(name));
}

// An ordinary user's containers live in a user namespace, which is entered before anything of
// theirs is opened. A native worker is a process of his own.
Result<std::optional<engine::Entered>> take_rights(const Verb& verb, const Invocation& invocation) {
    if (verb.group != Group::machine || verb.rights != Rights::callers)
        TRY(engine::check_directories(invocation.paths));
    bool native =
        (verb.name == "run" || verb.name == "create") && invocation.arguments.on("native");
    if (verb.name == "start" || verb.name == "restart" || verb.name == "healthcheck run")
        native = engine::are_native(invocation.paths, invocation.arguments.words());
    if (sys::effective_uid() == 0 || verb.rights == Rights::callers || native) return std::nullopt;
    Result<engine::Entered> entered = engine::enter_user_namespace(invocation.paths);
    // Where there are no containers, stop and rm are for native workers. Unless the process is
    // nobody by now: in a namespace whose ids could not be mapped.
    if (!entered && verb.rights == Rights::ids && TRY(sys::own_user_namespace()).initial)
        return std::nullopt;
    if (entered && entered->single && verb.rights == Rights::required)
        warn("user " + entered->user +
             " has no subordinate ids: nobody exists in containers but root (crank doctor)");
    return entered;
}

Result<engine::Paths> paths_of(const Arguments& before, const Arguments& arguments) {
    return engine::find_paths({.root = global(before, arguments, "root"),
                               .state = global(before, arguments, "state"),
                               .config = global(before, arguments, "config")});
}

Result<int> perform(const Verb& verb, const Arguments& before, const Arguments& arguments) {
    Invocation invocation{.arguments = arguments,
                          .paths = TRY(paths_of(before, arguments)),
                          .debug = before.on("debug") || arguments.on("debug")};
    std::optional<engine::Entered> entered = TRY(take_rights(verb, invocation));
    return verb.perform(invocation);
}

using Perform = std::function<Result<int>(const Arguments&)>;

int run_verb(const Verb& verb, const Arguments& before, std::span<const std::string_view> typed,
             const Perform& performs) {
    bool debug = before.on("debug");
    Result<Arguments> arguments = parse(verb.syntax, typed);
    if (!arguments) {
        Error error = std::move(arguments).error();
        if (auto instead = instead_of_containers(verb, error))
            error = std::move(error).with_hint(*instead);
        if (error.hint().empty())
            error = std::move(error).with_hint("crank " + std::string(verb.name) + " --help");
        report(verb.name, error, debug);
        return verb.engine_failure != 0 ? verb.engine_failure : kUsage;
    }
    if (arguments->on("help") || before.on("help")) {
        print(help_text(verb));
        return 0;
    }
    Result<int> code = performs(*arguments);
    if (code) return *code;
    if (auto instead = instead_of_containers(verb, code.error()))
        code = fail(std::move(code).error().with_hint(*instead));
    report(verb.name, code.error(), debug || arguments->on("debug"));
    return exit_code_for(verb, code.error());
}

int run_found(const FoundVerb& found, const Arguments& before,
              std::span<const std::string_view> rest) {
    std::vector<std::string_view> typed(rest.begin(), rest.end());
    // In front: what is typed counts more.
    if (!found.flag.empty()) typed.insert(typed.begin(), found.flag);
    return run_verb(*found.verb, before, typed, [&](const Arguments& arguments) {
        return perform(*found.verb, before, arguments);
    });
}

Result<int> perform_over_services(const ServiceCall& call, const Arguments& before,
                                  const Arguments& typed) {
    engine::Paths paths = TRY(paths_of(before, typed));
    auto asked = TRY(for_containers(call, paths, typed));
    if (!asked) return 0;
    std::optional<std::string> change = change_of(call, typed);
    if (!change) return perform(*call.verb->base, before, *asked);
    Audited audited(paths, TRY(project_name(call.project)), std::move(*change), "");
    audited.begin();
    Result<int> code = perform(*call.verb->base, before, *asked);
    Result<> done;
    if (!code) done = fail(code.error());
    if (code && *code != 0) done = fail(Code::step_failed, "exit code " + std::to_string(*code));
    audited.end(done);
    return code;
}

// Of docker compose's, over services.
int run_service_call(const ServiceCall& call, const Arguments& before) {
    return run_verb(call.shown, before, call.rest, [&](const Arguments& typed) {
        return perform_over_services(call, before, typed);
    });
}

// `crank` alone. What cannot be read is said, and is no failure of who has asked for nothing.
int tell_where(const Arguments& before) {
    auto where = [&]() -> Result<std::string> {
        engine::Paths paths = TRY(engine::find_paths({.root = before.value("root"),
                                                      .state = before.value("state"),
                                                      .config = before.value("config")}));
        TRY(engine::check_directories(paths));
        return where_text(paths);
    };
    Result<std::string> text = where();
    if (text) {
        print(*text);
        return 0;
    }
    report("", text.error(), before.on("debug"));
    print_line("crank --help lists every command, crank doctor what this machine lacks.");
    return 0;
}

// Engines look for a program of one of these names (dockerd does not start without a runc): a link
// will do.
constexpr std::string_view kOciPrograms[] = {"crank-oci", "runc", "crun"};

std::optional<std::string_view> oci_program(std::string_view program) {
    std::string_view name = program.substr(program.rfind('/') + 1);
    for (std::string_view known : kOciPrograms)
        if (name == known) return known;
    return std::nullopt;
}

int run(std::string_view program, std::span<const std::string_view> words) {
    if (auto name = oci_program(program)) return run_oci(*name, words);
    if (!words.empty() && (words[0] == "--version" || words[0] == "-v")) {
        print_line("crank version " CRANK_VERSION);
        return 0;
    }
    Result<std::size_t> at = find_verb(words);
    if (!at) {
        report("", at.error(), false);
        return kUsage;
    }
    // Cannot fail: find_verb has read the same flags.
    Result<Arguments> before = parse({}, words.first(*at));
    words = words.subspan(*at);
    if (!words.empty() && words[0] == "oci") return run_oci("crank oci", words.subspan(1));
    if (!words.empty() && words[0] == "help") {
        words = words.subspan(1);
        before = parse({}, std::vector<std::string_view>{"--help"});
    }
    if (words.empty() && before->on("help")) {
        print(overview_text());
        return 0;
    }
    if (words.empty()) return tell_where(*before);
    Result<std::optional<ServiceCall>> services = service_call(words);
    if (!services) {
        report("compose", services.error(), before->on("debug"));
        return kUsage;
    }
    if (*services) return run_service_call(**services, *before);
    Result<std::vector<std::string_view>> typed = compose_words(words);
    if (auto help = typed ? compose_help(*typed, before->on("help")) : std::nullopt) {
        print(*help);
        return 0;
    }
    Result<FoundVerb> found = fail(Code::internal, "not looked for");
    if (typed) found = find_verb_named(*typed);
    if (!typed || !found) {
        report("", typed ? found.error() : typed.error(), before->on("debug"));
        return kUsage;
    }
    return run_found(*found, *before, std::span(*typed).subspan(found->words));
}

}  // namespace
}  // namespace crank::cli

int main(int argc, char** argv) { crank::cli::run_program(argc, argv, crank::cli::run); }
