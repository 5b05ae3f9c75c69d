// ps, pause, resume, update, events.
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"
#include "base/units.h"
#include "cli/oci.h"
#include "cli/output.h"
#include "runtime/oci/bundle.h"
#include "runtime/oci/control.h"
#include "runtime/oci/life.h"
#include "runtime/runtime.h"
#include "runtime/scope.h"
#include "runtime/scope_apply.h"
#include "sys/child.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

namespace verbs = runtime::oci_verbs;

Result<oci::ContainerRecord> look_up(const OciCall& call, const runtime::HostFacts& facts) {
    return verbs::look_up(call.store, call.arguments.words()[0], facts);
}

Error wrong_status(const char* verb, const oci::ContainerRecord& record) {
    return Error(Code::failed_precondition, "cannot " + std::string(verb) + " container \"" +
                                                record.state.id + "\": it is " +
                                                std::string(name_of(record.state.status)));
}

Result<int> perform_pause(OciCall& call) {
    auto facts = TRY(call.facts());
    sys::UniqueFd lock = TRY(call.store.lock(call.arguments.words()[0]));
    auto record = TRY(look_up(call, facts));
    if (record.state.status != oci::Status::running && record.state.status != oci::Status::created)
        return fail(wrong_status("pause", record));
    TRY(verbs::set_frozen(record.cgroups_path, true, facts));
    return 0;
}

Result<int> perform_resume(OciCall& call) {
    auto facts = TRY(call.facts());
    sys::UniqueFd lock = TRY(call.store.lock(call.arguments.words()[0]));
    auto record = TRY(look_up(call, facts));
    if (record.state.status != oci::Status::paused) return fail(wrong_status("resume", record));
    TRY(verbs::set_frozen(record.cgroups_path, false, facts));
    return 0;
}

// procps' own table, with the lines of the container alone; what it is called with may change it.
Result<int> print_ps(const std::vector<pid_t>& pids, std::vector<std::string> flags) {
    std::string program;
    for (const char* path : {"/usr/bin/ps", "/bin/ps"})
        if (program.empty() && sys::exists(path)) program = path;
    if (program.empty())
        return fail(Error(Code::not_found, "there is no ps on this host")
                        .with_hint("--format json needs none"));
    sys::SpawnRequest request;
    request.path = program;
    request.args = {"ps"};
    if (flags.empty()) flags.emplace_back("-ef");
    request.args.insert(request.args.end(), flags.begin(), flags.end());
    request.env = {"PATH=/usr/bin:/bin", "COLUMNS=512"};
    auto output = TRY(sys::run_command(request));
    if (output.status.code != 0 || output.status.signal != 0)
        return fail(Code::step_failed, "ps: " + std::string(trim(output.err)));
    std::size_t column = 0;
    bool first = true;
    for (const std::string& line : split(output.out, '\n')) {
        std::vector<std::string> fields;
        for (const std::string& field : split(line, ' '))
            if (!field.empty()) fields.push_back(field);
        if (first) {
            auto at = std::find(fields.begin(), fields.end(), "PID");
            if (at == fields.end()) return fail(Code::usage, "ps printed no column PID");
            column = static_cast<std::size_t>(at - fields.begin());
            print_line(line);
        } else if (fields.size() > column) {
            auto pid = parse_int(fields[column]);
            if (pid && std::find(pids.begin(), pids.end(), *pid) != pids.end()) print_line(line);
        }
        first = false;
    }
    return 0;
}

Result<int> perform_ps(OciCall& call) {
    std::string format = call.arguments.value("format", "table");
    if (format != "table" && format != "json")
        return fail(Code::usage, "--format \"" + format + "\" is neither table nor json");
    auto facts = TRY(call.facts());
    auto record = TRY(look_up(call, facts));
    std::vector<pid_t> pids;
    if (!record.cgroups_path.empty())
        pids = TRY(verbs::processes(record.cgroups_path, facts));
    else if (record.state.pid != 0)
        pids.push_back(record.state.pid);
    if (format == "json") {
        print_line(nlohmann::json(pids).dump());
        return 0;
    }
    std::vector<std::string> flags(call.arguments.words().begin() + 1,
                                   call.arguments.words().end());
    return print_ps(pids, std::move(flags));
}

Result<> read_number(const Arguments& arguments, std::string_view flag, auto& target) {
    auto text = arguments.find(flag);
    if (!text) return {};
    auto number = parse_int(*text);
    if (!number) {
        auto bytes = parse_size(*text);
        if (!bytes)
            return fail(Code::usage,
                        "--" + std::string(flag) + " \"" + *text + "\" is not a number");
        number = static_cast<std::int64_t>(*bytes);
    }
    using Value = typename std::remove_reference_t<decltype(target)>::value_type;
    if constexpr (std::is_unsigned_v<Value>)
        if (*number < 0)
            return fail(Code::usage, "--" + std::string(flag) + " may not be negative");
    target = static_cast<Value>(*number);
    return {};
}

Result<oci::Resources> read_resources(const OciCall& call) {
    const Arguments& arguments = call.arguments;
    oci::Resources resources;
    if (auto file = arguments.find("resources")) {
        std::string text = *file == "-" ? TRY(sys::read_all(0, 4 << 20, "standard input"))
                                        : TRY_IN(sys::read_file(*file), "--resources");
        std::vector<std::string> ignored;
        resources = TRY_IN(oci::parse_resources(text, &ignored), "--resources");
        for (const std::string& field : ignored)
            call.log.warn("--resources: '" + field + "' is not a field that crank knows: ignored");
        resources = verbs::without_zeros(std::move(resources));
    }
    TRY(read_number(arguments, "memory", resources.memory_limit));
    TRY(read_number(arguments, "memory-swap", resources.memory_swap));
    TRY(read_number(arguments, "memory-reservation", resources.memory_reservation));
    TRY(read_number(arguments, "cpu-shares", resources.cpu_shares));
    TRY(read_number(arguments, "cpu-quota", resources.cpu_quota));
    TRY(read_number(arguments, "cpu-period", resources.cpu_period));
    TRY(read_number(arguments, "pids-limit", resources.pids_limit));
    // As runc does: what was typed is no zero value of a program's, and no limit is -1.
    if (arguments.has("pids-limit") && resources.pids_limit == 0) resources.pids_limit = 1;
    TRY(read_number(arguments, "cpu-burst", resources.cpu_burst));
    TRY(read_number(arguments, "cpu-rt-runtime", resources.cpu_rt_runtime));
    TRY(read_number(arguments, "cpu-rt-period", resources.cpu_rt_period));
    TRY(read_number(arguments, "cpu-idle", resources.cpu_idle));
    std::optional<std::int64_t> weight;
    TRY(read_number(arguments, "blkio-weight", weight));
    constexpr std::int64_t kLeast = 10, kMost = 1000;
    if (weight && (*weight < kLeast || *weight > kMost))
        return fail(Code::usage, "--blkio-weight is not from 10 to 1000");
    if (weight) resources.block_io.weight = static_cast<std::uint16_t>(*weight);
    if (auto cpus = arguments.find("cpuset-cpus")) resources.cpuset_cpus = *cpus;
    if (auto mems = arguments.find("cpuset-mems")) resources.cpuset_mems = *mems;
    return resources;
}

Result<int> perform_update(OciCall& call) {
    auto resources = TRY(read_resources(call));
    auto facts = TRY(call.facts());
    sys::UniqueFd lock = TRY(call.store.lock(call.arguments.words()[0]));
    auto record = TRY(look_up(call, facts));
    if (record.state.status == oci::Status::stopped) return fail(wrong_status("update", record));
    TRY(verbs::update_limits(record.cgroups_path, resources, facts));
    if (!record.scope.empty())
        TRY(runtime::update_scope(record.scope, TRY(runtime::limit_properties(resources))));
    return 0;
}

Result<int> perform_events(OciCall& call) {
    auto interval = TRY(parse_duration(call.arguments.value("interval", "5s")));
    if (interval <= std::chrono::nanoseconds(0))
        return fail(Code::usage, "--interval must be more than 0");
    auto facts = TRY(call.facts());
    auto record = TRY(look_up(call, facts));
    if (record.state.status == oci::Status::stopped)
        return fail(wrong_status("read the events of", record));
    const std::string& id = record.state.id;
    pid_t pid = record.state.pid;
    auto usage = TRY(runtime::read_usage(record.cgroups_path, facts));
    print_line(TRY(verbs::stats_json(id, record.cgroups_path, facts)));
    if (call.arguments.on("stats")) return 0;
    flush_each_line();
    auto pause = std::chrono::duration_cast<std::chrono::milliseconds>(interval);
    while (!TRY(runtime::wait_gone(pid, record.start_time, pause))) {
        auto now = runtime::read_usage(record.cgroups_path, facts);
        if (!now) break;  // it is being deleted
        if (now->oom_kills > usage.oom_kills) print_line(R"({"type":"oom","id":")" + id + "\"}");
        usage = *now;
        print_line(TRY(verbs::stats_json(id, record.cgroups_path, facts)));
    }
    return 0;
}

constexpr Flag kPsFlags[] = {
    {"format", 'f', FlagKind::value, "table|json", "how to print them (table)"}};
constexpr std::string_view kPsExamples[] = {"crank oci ps mail", "crank oci ps --format json mail"};
constexpr std::string_view kPauseExamples[] = {"crank oci pause mail"};
constexpr std::string_view kResumeExamples[] = {"crank oci resume mail"};
constexpr Flag kUpdateFlags[] = {
    {"resources", 'r', FlagKind::value, "FILE", "linux.resources as JSON; - is standard input"},
    {"memory", 0, FlagKind::value, "BYTES", "most memory"},
    {"memory-swap", 0, FlagKind::value, "BYTES", "most memory and swap together"},
    {"memory-reservation", 0, FlagKind::value, "BYTES", "memory that is kept for it"},
    {"cpu-shares", 0, FlagKind::value, "N", "weight beside others"},
    {"cpu-share", 0, FlagKind::value, "", "", "cpu-shares"},
    {"cpu-quota", 0, FlagKind::value, "MICROSECONDS", "most processor time in a period"},
    {"cpu-period", 0, FlagKind::value, "MICROSECONDS", "the period of the quota"},
    {"cpu-burst", 0, FlagKind::value, "MICROSECONDS", "saved time that may be used at once"},
    {"cpu-rt-runtime", 0, FlagKind::value, "MICROSECONDS", "realtime in a period (cgroup v1)"},
    {"cpu-rt-period", 0, FlagKind::value, "MICROSECONDS", "the period of that (cgroup v1)"},
    {"cpu-idle", 0, FlagKind::value, "0|1", "only what others leave"},
    {"cpuset-cpus", 0, FlagKind::value, "LIST", "processors, as 0-2,7"},
    {"cpuset-mems", 0, FlagKind::value, "LIST", "memory nodes"},
    {"blkio-weight", 0, FlagKind::value, "N", "weight of its I/O beside others', 10 to 1000"},
    {"pids-limit", 0, FlagKind::value, "N", "most processes"},
};
constexpr MissingFlag kUpdateMissing[] = {
    {"kernel-memory", 0, true, "--memory counts the kernel's too"},
    {"kernel-memory-tcp", 0, true, "--memory counts the kernel's too"},
    {"l3-cache-schema", 0, true, "--cpuset-cpus"},
    {"mem-bw-schema", 0, true, "--cpuset-mems"},
};
constexpr std::string_view kUpdateExamples[] = {
    "crank oci update --memory 256m mail",
    "echo '{\"pids\":{\"limit\":100}}' | crank oci update --resources - mail"};
constexpr Flag kEventsFlags[] = {
    {"stats", 0, FlagKind::boolean, "", "print them once and end"},
    {"interval", 0, FlagKind::value, "DURATION", "between two lines (5s)"}};
constexpr std::string_view kEventsExamples[] = {"crank oci events --stats mail",
                                                "crank oci events --interval 1s mail"};

}  // namespace

constinit const OciVerb kOciPs = {
    .name = "ps",
    .summary = "list the processes of a container",
    .syntax = {.flags = kPsFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .first_word_ends_flags = true,
               .arguments = "CONTAINER [PS-FLAG...]"},
    .examples = kPsExamples,
    .perform = perform_ps,
};
constinit const OciVerb kOciPause = {
    .name = "pause",
    .summary = "freeze every process of a container",
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kPauseExamples,
    .perform = perform_pause,
};
constinit const OciVerb kOciResume = {
    .name = "resume",
    .summary = "let a paused container go on",
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kResumeExamples,
    .perform = perform_resume,
};
constinit const OciVerb kOciUpdate = {
    .name = "update",
    .summary = "change the limits of a container",
    .syntax = {.flags = kUpdateFlags,
               .missing = kUpdateMissing,
               .min_words = 1,
               .max_words = 1,
               .arguments = "CONTAINER"},
    .examples = kUpdateExamples,
    .perform = perform_update,
};
constinit const OciVerb kOciEvents = {
    .name = "events",
    .summary = "print what a container uses, as JSON",
    .syntax = {.flags = kEventsFlags, .min_words = 1, .max_words = 1, .arguments = "CONTAINER"},
    .examples = kEventsExamples,
    .perform = perform_events,
};

}  // namespace crank::cli
