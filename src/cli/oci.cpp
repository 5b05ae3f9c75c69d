#include "cli/oci.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "base/units.h"
#include "cli/output.h"
#include "cli/verb.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/own_user_namespace.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

constexpr int kFailed = 1;        // runc's, whatever went wrong
constexpr int kExecFailed = 255;  // and its exec's: a program may well end with 1

constexpr const OciVerb* kVerbs[] = {
    &kOciCreate, &kOciStart,  &kOciRun,    &kOciState, &kOciKill,
    &kOciDelete, &kOciList,   &kOciExec,   &kOciPs,    &kOciPause,
    &kOciResume, &kOciUpdate, &kOciEvents, &kOciSpec,  &kOciFeatures,
};

constexpr Flag kFlags[] = {
    {"root", 0, FlagKind::value, "DIR", "where containers are kept (/run/crank-oci)"},
    {"log", 0, FlagKind::value, "FILE", "append reports to FILE, not to standard error"},
    {"log-format", 0, FlagKind::value, "text|json", "of the reports (text)"},
    {"systemd-cgroup", 0, FlagKind::boolean, "",
     "containers live in transient scopes of systemd's"},
    {"rootless", 0, FlagKind::value, "auto|true|false", "taken and without effect"},
    {"version", 'v', FlagKind::boolean, "", "print the versions of the program and specification"},
};
constexpr Syntax kSyntax{.flags = kFlags,
                         .missing = {},
                         .min_words = 0,
                         .max_words = kAnyWords,
                         .first_word_ends_flags = true,
                         .arguments = "COMMAND [ARG...]"};

std::string overview(std::string_view program) {
    std::string text = "Usage: " + std::string(program) +
                       " [FLAGS] COMMAND [ARG...]\n\nRuns containers from OCI bundles, as runc "
                       "does.\n\nCommands:\n";
    for (const OciVerb* verb : kVerbs) {
        std::string line = "  " + std::string(verb->name);
        line.append(line.size() < 14 ? 14 - line.size() : 1, ' ');
        text += line + std::string(verb->summary) + "\n";
    }
    text += "\nFlags:\n";
    for (const Flag& flag : kFlags) {
        std::string line = "  " + spelled_with_value(flag);
        line.append(line.size() < 32 ? 32 - line.size() : 1, ' ');
        text += line + std::string(flag.help) + "\n";
    }
    return text + "\n" + std::string(program) + " COMMAND --help says more about one of them.\n";
}

std::string default_root() {
    // Root of a user namespace that a caller (podman) has made for an ordinary user has no /run.
    bool own = sys::effective_uid() == 0 && sys::may_write("/run");
    if (own) return "/run/crank-oci";
    for (const std::string& variable : sys::environment())
        if (variable.starts_with("XDG_RUNTIME_DIR=/")) return variable.substr(16) + "/crank-oci";
    return "/tmp/crank-oci-" + std::to_string(sys::effective_uid());
}

const OciVerb* find_verb_of(std::string_view name) {
    for (const OciVerb* verb : kVerbs)
        if (verb->name == name) return verb;
    return nullptr;
}

Error unknown_verb(std::string_view program, const std::string& name) {
    if (name == "checkpoint" || name == "restore")
        return Error(Code::unsupported, "checkpoints are not supported");
    std::vector<std::string_view> known;
    for (const OciVerb* verb : kVerbs) known.push_back(verb->name);
    Error error(Code::usage, "no command \"" + name + "\"");
    if (auto near = did_you_mean(name, known))
        return std::move(error).with_hint("did you mean " + std::string(program) + " " + *near +
                                          "?");
    return std::move(error).with_hint(std::string(program) + " --help");
}

void report_failure(const OciLog& log, std::string_view program, std::string_view verb,
                    const Error& error, bool debug) {
    if (log.to_file()) log.write("error", error.text());
    std::string prefix(program);
    if (!verb.empty()) prefix += " " + std::string(verb);
    note(prefix + ": " + error.text());
    if (!error.hint().empty()) note("hint: " + error.hint());
    if (debug)
        note("debug: " + std::string(describe(error.code()).name) + " at " +
             error.where().file_name() + ":" + std::to_string(error.where().line()));
}

Result<OciLog> open_log(const Arguments& before) {
    std::string format = before.value("log-format", "text");
    if (format != "text" && format != "json")
        return fail(Code::usage, "--log-format \"" + format + "\" is neither text nor json");
    OciLog log(before.value("log"), format == "json" ? OciLog::Format::json : OciLog::Format::text);
    // Before anything is done: whoever reads the reports there would never learn of it.
    TRY_IN(log.open(), "--log");
    return log;
}

std::string help_of(std::string_view program, const OciVerb& verb) {
    std::string name = "oci " + std::string(verb.name);
    std::string text = help_text(Verb{
        .name = name, .summary = verb.summary, .syntax = verb.syntax, .examples = verb.examples});
    if (program == "crank oci") return text;
    // By another name the flags of the program stand in front of the verb.
    std::string usage = "Usage: " + std::string(program) + " [OPTION...] " +
                        std::string(verb.name) + " " + std::string(verb.syntax.arguments);
    return usage + text.substr(text.find('\n'));
}

Result<int> perform(std::string_view program, const OciVerb& verb, const Arguments& before,
                    const OciLog& log, std::span<const std::string_view> rest) {
    auto arguments = parse(verb.syntax, rest);
    if (!arguments) {
        Error error = std::move(arguments).error();
        if (error.hint().empty())
            error = std::move(error).with_hint(std::string(program) + " " + std::string(verb.name) +
                                               " --help");
        return fail(std::move(error));
    }
    if (arguments->on("help")) {
        print(help_of(program, verb));
        return 0;
    }
    std::string root = before.value("root", default_root());
    if (root.empty()) return fail(Code::usage, "--root is empty");
    if (!root.starts_with('/')) root = TRY(sys::current_dir()) + "/" + root;
    OciCall call{before, *arguments, log, runtime::oci_verbs::Store(root)};
    return verb.perform(call);
}

}  // namespace

void OciLog::write(std::string_view level, const std::string& message) const {
    std::string time = format_time(std::chrono::system_clock::now());
    std::string line;
    nlohmann::ordered_json text = message;
    auto quoted = [](const nlohmann::ordered_json& value) {
        return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    };
    if (format_ == Format::json)
        line = R"({"level":")" + std::string(level) + R"(","msg":)" + quoted(text) +
               R"(,"time":")" + time + "\"}\n";
    else
        line = "time=\"" + time + "\" level=" + std::string(level) + " msg=" + quoted(text) + "\n";
    if (path_.empty()) return print_to(Output::err, line);
    if (auto file = open()) (void)sys::write_all(file->get(), line, path_);
}

Result<sys::UniqueFd> OciLog::open() const {
    constexpr mode_t kLogMode = 0644;
    if (path_.empty()) return sys::UniqueFd();
    return sys::open(path_, sys::kWriteOnly | sys::kCreate | sys::kAppend, kLogMode);
}

Result<std::uint32_t> read_count(const Arguments& arguments, std::string_view flag,
                                 std::uint32_t most) {
    std::string text = arguments.value(flag, "0");
    auto count = parse_int(text);
    if (!count || *count < 0 || *count > std::int64_t{most})
        return fail(Code::usage, "--" + std::string(flag) + " \"" + text +
                                     "\" is not a number from 0 to " + std::to_string(most));
    return static_cast<std::uint32_t>(*count);
}

std::vector<int> missing_descriptors(std::uint32_t count) {
    std::vector<int> missing;
    for (int fd = 3; fd < 3 + static_cast<int>(count); ++fd)
        if (!sys::read_link("/proc/self/fd/" + std::to_string(fd))) missing.push_back(fd);
    return missing;
}

int run_oci(std::string_view program, std::span<const std::string_view> words) {
    OciLog nowhere("", OciLog::Format::text);
    auto before = parse(kSyntax, words);
    if (!before) {
        report_failure(nowhere, program, "", before.error(), false);
        return kFailed;
    }
    if (before->on("version")) {
        print_line("crank-oci version " CRANK_VERSION "\nspec: 1.3.0");
        return 0;
    }
    if (before->words().empty() || (before->on("help"))) {
        print(overview(program));
        return 0;
    }
    bool debug = before->on("debug");
    auto log = open_log(*before);
    if (!log) {
        report_failure(nowhere, program, "", log.error(), debug);
        return kFailed;
    }
    std::string name = before->words().front();
    const OciVerb* verb = find_verb_of(name);
    if (verb == nullptr) {
        report_failure(*log, program, "", unknown_verb(program, name), debug);
        return kFailed;
    }
    std::vector<std::string_view> rest(before->words().begin() + 1, before->words().end());
    auto code = perform(program, *verb, *before, *log, rest);
    if (code) return *code;
    report_failure(*log, program, verb->name, code.error(), debug);
    return verb == &kOciExec ? kExecFailed : kFailed;
}

}  // namespace crank::cli
