// create, start, run, state, kill, delete, list.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/oci.h"
#include "cli/oci_attend.h"
#include "cli/output.h"
#include "runtime/oci/life.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/pattern.h"
#include "sys/signals.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

namespace verbs = runtime::oci_verbs;

constexpr std::uint32_t kMostPreserved = 1000;

constexpr Flag kCreateFlags[] = {
    {"bundle", 'b', FlagKind::value, "DIR", "the bundle (the current directory)"},
    {"console-socket", 0, FlagKind::value, "SOCKET", "where the terminal's master end is sent"},
    {"pid-file", 0, FlagKind::value, "FILE", "where the process's id is written"},
    {"no-new-keyring", 0, FlagKind::boolean, "", "keep the caller's session keyring"},
    {"preserve-fds", 0, FlagKind::value, "N", "hand N descriptors on, from 3 on"},
    {"pidfd-socket", 0, FlagKind::value, "SOCKET", "where a pidfd of the process is sent"},
    {"config", 0, FlagKind::value, "FILE", "the bundle's configuration (config.json)"},
    {"no-pivot", 0, FlagKind::boolean, "", "taken and without effect: the root is always pivoted"},
};
constexpr Flag kRunFlags[] = {
    kCreateFlags[0],
    kCreateFlags[1],
    kCreateFlags[2],
    kCreateFlags[3],
    kCreateFlags[4],
    kCreateFlags[5],
    kCreateFlags[6],
    kCreateFlags[7],
    {"detach", 'd', FlagKind::boolean, "", "do not wait for it"},
    {"keep", 0, FlagKind::boolean, "", "do not delete the container after it has ended"},
};
constexpr MissingFlag kCreateMissing[] = {
    {"no-subreaper", 0, false, "leave it out: crank is no subreaper here"}};

// A number of the environment.
std::optional<std::int64_t> number_of(std::string_view name) {
    for (const std::string& entry : sys::environment())
        if (entry.starts_with(name) && entry.substr(name.size()).starts_with("="))
            return parse_int(entry.substr(name.size() + 1)).value_or(0);
    return std::nullopt;
}

// Sockets that the caller was activated with, which are the container's (sd_listen_fds(3)). With
// another's LISTEN_PID they are another's.
std::uint32_t listening() {
    if (auto pid = number_of("LISTEN_PID"); pid && *pid != sys::own_pid()) return 0;
    std::int64_t count = number_of("LISTEN_FDS").value_or(0);
    if (count <= 0 || count > kMostPreserved) return 0;
    return static_cast<std::uint32_t>(count);
}

Result<verbs::CreateRequest> read_create(OciCall& call) {
    const Arguments& arguments = call.arguments;
    verbs::CreateRequest request;
    request.id = arguments.words()[0];
    request.bundle = arguments.value("bundle", ".");
    request.caller.console_socket = arguments.value("console-socket");
    request.config = arguments.value("config");
    request.caller.pid_file = arguments.value("pid-file");
    request.caller.pidfd_socket = arguments.value("pidfd-socket");
    request.caller.preserved_fds = TRY(read_count(arguments, "preserve-fds", kMostPreserved));
    request.caller.listen_fds = listening();
    request.caller.preserved_fds += request.caller.listen_fds;
    request.caller.missing_fds = missing_descriptors(request.caller.preserved_fds);
    request.new_keyring = !arguments.on("no-new-keyring");
    if (call.before.on("systemd-cgroup")) request.manager = verbs::GroupManager::systemd;
    return request;
}

void warn_all(const OciCall& call, const std::vector<std::string>& warnings) {
    for (const std::string& text : warnings) call.log.warn(text);
}

void report(const OciCall& call, const verbs::Created& created) {
    for (const std::string& field : created.ignored)
        call.log.warn("config.json: '" + field + "' is not a field that crank knows: ignored");
    warn_all(call, created.warnings);
}

Result<int> perform_create(OciCall& call) {
    auto request = TRY(read_create(call));
    auto facts = TRY(call.facts());
    auto created = TRY(verbs::create(call.store, request, facts));
    report(call, created);
    TRY(created.handed.settle());
    return 0;
}

Result<int> perform_start(OciCall& call) {
    auto facts = TRY(call.facts());
    warn_all(call, TRY(verbs::start(call.store, call.arguments.words()[0], facts)));
    return 0;
}

Result<int> perform_run(OciCall& call) {
    auto request = TRY(read_create(call));
    auto facts = TRY(call.facts());
    bool detach = call.arguments.on("detach");
    // What is handed over comes to this process, which waits for it.
    if (!detach) TRY(sys::become_subreaper());
    TerminalRelay relay = TRY(offer_relay(request.caller, !detach));
    auto created = TRY(verbs::create(call.store, request, facts));
    report(call, created);
    auto started = verbs::start(call.store, request.id, facts, &created.spec);
    auto settled = created.handed.settle();
    if (!started) {
        Error error = std::move(started).error();
        auto removed = verbs::remove(call.store, request.id, verbs::Force::yes, facts);
        if (!removed) error = std::move(error).with_cleanup(removed.error());
        return fail(std::move(error));
    }
    TRY(std::move(settled));
    warn_all(call, *started);
    if (detach) return 0;
    bool terminal = created.spec.process.terminal;
    int code = TRY(attend_process(created.handed.pid(), terminal ? &relay : nullptr));
    if (!call.arguments.on("keep"))
        warn_all(call, TRY(verbs::remove(call.store, request.id, verbs::Force::yes, facts,
                                         &created.spec)));
    return code;
}

Result<int> perform_state(OciCall& call) {
    auto facts = TRY(call.facts());
    auto state = TRY(verbs::state(call.store, call.arguments.words()[0], facts));
    auto json = nlohmann::ordered_json::parse(serialize(state, oci::Detail::all));
    print_line(json.dump(2));
    return 0;
}

Result<int> perform_kill(OciCall& call) {
    const auto& words = call.arguments.words();
    std::string name = words.size() > 1 ? words[1] : "SIGTERM";
    // Signal 0 only asks whether there is a process.
    auto signal = name == "0" ? std::optional(0) : sys::signal_number(name);
    if (!signal) return fail(Code::usage, "unknown signal \"" + name + "\"");
    auto facts = TRY(call.facts());
    TRY(verbs::kill(call.store, words[0], *signal,
                    call.arguments.on("all") ? verbs::Whom::all : verbs::Whom::first, facts));
    return 0;
}

// The containers that the expressions match, anywhere in their ids.
Result<std::vector<std::string>> matching_ids(const OciCall& call) {
    std::vector<std::string> found, ids = TRY(call.store.ids());
    for (const std::string& text : call.arguments.words()) {
        auto expression = TRY(sys::Pattern::create(text));
        bool any = false;
        for (const std::string& id : ids) {
            if (!expression.matches(id)) continue;
            any = true;
            if (std::ranges::find(found, id) == found.end()) found.push_back(id);
        }
        if (!any && !call.arguments.on("force"))
            return fail(Error(Code::not_found, "no container's id matches \"" + text + "\"")
                            .with_hint("crank oci list --quiet"));
    }
    return found;
}

Result<std::vector<std::string>> ids_to_delete(const OciCall& call) {
    if (call.arguments.on("regex")) return matching_ids(call);
    return call.arguments.words();
}

Result<int> perform_delete(OciCall& call) {
    auto facts = TRY(call.facts());
    auto force = call.arguments.on("force") ? verbs::Force::yes : verbs::Force::no;
    for (const std::string& id : TRY(ids_to_delete(call)))
        warn_all(call, TRY(verbs::remove(call.store, id, force, facts)));
    return 0;
}

Result<int> perform_list(OciCall& call) {
    std::string format = call.arguments.value("format", "table");
    if (format != "table" && format != "json")
        return fail(Code::usage, "--format \"" + format + "\" is neither table nor json");
    // The default one appears with the first container; one that was named is expected to be there.
    if (std::string root = call.before.value("root"); !root.empty())
        TRY_IN(sys::stat(root), "--root");
    auto facts = TRY(call.facts());
    TRY(call.store.sweep(facts));
    std::vector<oci::ContainerState> states;
    for (const std::string& id : TRY(call.store.ids())) {
        auto state = verbs::state(call.store, id, facts);
        if (state) states.push_back(std::move(*state));
        // Deleted since the directory was read.
        else if (state.error().code() != Code::not_found)
            return fail(std::move(state).error());
    }
    if (call.arguments.on("quiet")) {
        for (const auto& state : states) print_line(state.id);
        return 0;
    }
    if (format == "json") {
        print_line(serialize(states));
        return 0;
    }
    Table table({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
    for (const auto& state : states)
        table.add({state.id, std::to_string(state.pid), std::string(name_of(state.status)),
                   state.bundle, state.created, state.owner});
    print(table.text());
    return 0;
}

constexpr std::string_view kCreateExamples[] = {
    "crank oci create --bundle /tmp/bundle mail",
    "crank oci create --bundle /tmp/bundle --pid-file /tmp/pid --console-socket /tmp/tty mail"};
constexpr std::string_view kStartExamples[] = {"crank oci start mail"};
constexpr std::string_view kRunExamples[] = {"crank oci run --bundle /tmp/bundle mail",
                                             "crank oci run --detach --bundle /tmp/bundle mail"};
constexpr std::string_view kStateExamples[] = {"crank oci state mail"};
constexpr Flag kKillFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "to every process of the container"}};
constexpr std::string_view kKillExamples[] = {"crank oci kill mail", "crank oci kill mail KILL"};
constexpr Flag kDeleteFlags[] = {
    {"force", 'f', FlagKind::boolean, "", "kill it first; no error where there is none"},
    {"regex", 'r', FlagKind::boolean, "",
     "CONTAINER is an extended regular expression (regex(7))"}};
constexpr std::string_view kDeleteExamples[] = {"crank oci delete mail",
                                                "crank oci delete --force mail",
                                                "crank oci delete --force --regex '^mail-'"};
constexpr Flag kListFlags[] = {
    {"format", 'f', FlagKind::value, "table|json", "how to print them (table)"},
    {"quiet", 'q', FlagKind::boolean, "", "print the ids alone"}};
constexpr std::string_view kListExamples[] = {"crank oci list", "crank oci list --format json"};

}  // namespace

constinit const OciVerb kOciCreate = {
    .name = "create",
    .summary = "make a container of a bundle, all but its program",
    .syntax = {.flags = kCreateFlags,
               .missing = kCreateMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "CONTAINER"},
    .examples = kCreateExamples,
    .perform = perform_create,
};
constinit const OciVerb kOciStart = {
    .name = "start",
    .summary = "run the program of a created container",
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kStartExamples,
    .perform = perform_start,
};
constinit const OciVerb kOciRun = {
    .name = "run",
    .summary = "create and start a container",
    .syntax = {.flags = kRunFlags,
               .missing = kCreateMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "CONTAINER"},
    .examples = kRunExamples,
    .perform = perform_run,
};
constinit const OciVerb kOciState = {
    .name = "state",
    .summary = "print the state of a container as JSON",
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kStateExamples,
    .perform = perform_state,
};
constinit const OciVerb kOciKill = {
    .name = "kill",
    .summary = "send a signal (TERM) to the first process of a container",
    .syntax = {.flags = kKillFlags,
               .min_words = 1,
               .max_words = 2,
               .arguments = "CONTAINER [SIGNAL]"},
    .examples = kKillExamples,
    .perform = perform_kill,
};
constinit const OciVerb kOciDelete = {
    .name = "delete",
    .summary = "remove stopped containers",
    .syntax = {.flags = kDeleteFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "CONTAINER [CONTAINER...]"},
    .examples = kDeleteExamples,
    .perform = perform_delete,
};
constinit const OciVerb kOciList = {
    .name = "list",
    .summary = "list the containers of this root",
    .syntax = {.flags = kListFlags},
    .examples = kListExamples,
    .perform = perform_list,
};

}  // namespace crank::cli
