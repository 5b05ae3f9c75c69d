// exec.
#include <algorithm>
#include <string>

#include "base/text.h"
#include "cli/oci.h"
#include "cli/oci_attend.h"
#include "cli/output.h"
#include "runtime/oci/exec.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

namespace verbs = runtime::oci_verbs;

constexpr std::uint32_t kMostPreserved = 1000;

constexpr Flag kFlags[] = {
    {"process", 'p', FlagKind::value, "FILE", "the whole process, as in config.json"},
    {"tty", 't', FlagKind::boolean, "", "give it a terminal"},
    {"detach", 'd', FlagKind::boolean, "", "do not wait for it"},
    {"cwd", 0, FlagKind::value, "DIR", "working directory in the container"},
    {"env", 'e', FlagKind::list, "NAME=VALUE", "set a variable"},
    {"user", 'u', FlagKind::value, "UID[:GID]", "user to run as"},
    {"additional-gids", 'g', FlagKind::list, "GID", "a group more"},
    {"cap", 'c', FlagKind::list, "CAP_NAME", "a capability more"},
    {"no-new-privs", 0, FlagKind::boolean, "", "it cannot gain privileges"},
    {"console-socket", 0, FlagKind::value, "SOCKET", "where the terminal's master end is sent"},
    {"pid-file", 0, FlagKind::value, "FILE", "where the process's id is written"},
    {"cgroup", 0, FlagKind::value, "[CONTROLLER,...:]PATH", "a group below the container's"},
    {"preserve-fds", 0, FlagKind::value, "N", "hand N descriptors on, from 3 on"},
    {"pidfd-socket", 0, FlagKind::value, "SOCKET", "where a pidfd of the process is sent"},
    {"ignore-paused", 0, FlagKind::boolean, "", "in a paused container: wait until it is resumed"},
};
constexpr MissingFlag kMissing[] = {
    {"apparmor", 0, true, "leave it out: a process joins with the container's own confinement"},
    {"process-label", 0, true, "leave it out: crank sets no SELinux labels"}};
constexpr std::string_view kExamples[] = {
    "crank oci exec mail ps", "crank oci exec --user 1000:1000 --cwd /tmp mail id",
    "crank oci exec --process process.json --detach --pid-file /tmp/pid mail"};

Result<std::uint32_t> read_id(std::string_view text, const char* what) {
    auto value = parse_int(text);
    if (!value || *value < 0 || *value > 0xfffffffeLL)
        return fail(Code::usage, std::string(what) + " \"" + std::string(text) +
                                     "\" is not a number: the runtime knows no names");
    return static_cast<std::uint32_t>(*value);
}

Result<std::optional<oci::User>> read_user(const Arguments& arguments) {
    std::optional<oci::User> user;
    auto groups = arguments.values("additional-gids");
    std::string text = arguments.value("user");
    if (text.empty() && groups.empty()) return user;
    auto parts = split(text.empty() ? std::string("0") : text, ':');
    if (parts.size() > 2) return fail(Code::usage, "--user \"" + text + "\" is not UID[:GID]");
    user.emplace();
    user->uid = TRY(read_id(parts[0], "user"));
    if (parts.size() == 2) user->gid = TRY(read_id(parts[1], "group"));
    for (const std::string& group : groups)
        user->additional_gids.push_back(TRY(read_id(group, "group")));
    return user;
}

Result<verbs::ExecRequest> read_request(const OciCall& call) {
    const Arguments& arguments = call.arguments;
    verbs::ExecRequest request;
    request.id = arguments.words()[0];
    request.args.assign(arguments.words().begin() + 1, arguments.words().end());
    request.cgroup = arguments.value("cgroup");
    if (std::string file = arguments.value("process"); !file.empty()) {
        if (!request.args.empty())
            return fail(Code::usage, "--process and a command exclude each other");
        std::vector<std::string> ignored;
        std::string text = TRY_IN(sys::read_file(file), "--process");
        request.process = TRY_IN(oci::parse_process(text, &ignored), file);
        for (const std::string& field : ignored)
            call.log.warn(file + ": '" + field + "' is not a field that crank knows: ignored");
    } else if (request.args.empty()) {
        return fail(Error(Code::usage, "no command given").with_hint("crank oci exec --help"));
    }
    request.env = arguments.values("env");
    for (const std::string& variable : request.env)
        if (variable.find('=') == std::string::npos || variable.starts_with('='))
            return fail(Code::usage, "--env \"" + variable + "\" is not NAME=VALUE");
    request.cwd = arguments.value("cwd");
    if (!request.cwd.empty() && !request.cwd.starts_with('/'))
        return fail(Code::usage, "--cwd \"" + request.cwd + "\" is not an absolute path");
    request.user = TRY(read_user(arguments));
    request.capabilities = arguments.values("cap");
    request.terminal = arguments.find_switch("tty");
    request.no_new_privileges = arguments.find_switch("no-new-privs");
    request.caller.console_socket = arguments.value("console-socket");
    request.ignore_paused = arguments.on("ignore-paused");
    request.caller.pid_file = arguments.value("pid-file");
    request.caller.pidfd_socket = arguments.value("pidfd-socket");
    request.caller.preserved_fds = TRY(read_count(arguments, "preserve-fds", kMostPreserved));
    request.caller.missing_fds = missing_descriptors(request.caller.preserved_fds);
    return request;
}

Result<int> perform(OciCall& call) {
    auto request = TRY(read_request(call));
    auto facts = TRY(call.facts());
    bool detach = call.arguments.on("detach");
    if (!detach) TRY(sys::become_subreaper());
    TerminalRelay relay = TRY(offer_relay(request.caller, !detach));
    auto executed = TRY(verbs::exec(call.store, std::move(request), facts));
    for (const std::string& text : executed.warnings) call.log.warn(text);
    if (detach) return 0;
    return attend_process(executed.pid, executed.terminal ? &relay : nullptr);
}

}  // namespace

constinit const OciVerb kOciExec = {
    .name = "exec",
    .summary = "run another process in a container",
    .syntax = {.flags = kFlags,
               .missing = kMissing,
               .min_words = 1,
               .max_words = kAnyWords,
               .first_word_ends_flags = true,
               .arguments = "CONTAINER cmd [ARG...]"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
