#include "engine/other_runtime.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "engine/names.h"
#include "policy/policy.h"
#include "runtime/other_runtime.h"
#include "runtime/runtime.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/memory.h"
#include "sys/open_flags.h"
#include "sys/poll.h"
#include "sys/signals.h"
#include "sys/system.h"

namespace crank::engine::other {
namespace {

constexpr std::string_view kSetting = "runtime.";
constexpr std::string_view kUsual[] = {"crun", "kata-runtime", "runc", "runsc", "youki"};
constexpr std::string_view kDirs[] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
                                      "/usr/bin",        "/sbin",          "/bin"};

// Where programs lie: the caller's PATH, and what a PATH without them leaves out.
std::vector<std::string> directories() {
    std::vector<std::string> dirs;
    auto add = [&](std::string_view dir) {
        bool fit = dir.starts_with('/') && std::ranges::find(dirs, dir) == dirs.end();
        if (fit) dirs.emplace_back(dir);
    };
    for (const std::string& entry : sys::environment())
        if (entry.starts_with("PATH="))
            for (const std::string& dir : split(entry.substr(5), ':')) add(dir);
    for (std::string_view dir : kDirs) add(dir);
    return dirs;
}

bool is_program(const std::string& path) {
    Result<sys::FileInfo> info = sys::stat(path);
    constexpr unsigned kAnyExecute = 0111;
    return info && info->is_regular() && (info->mode & kAnyExecute) != 0;
}

std::string in_path(std::string_view name) {
    for (const std::string& dir : directories())
        if (std::string path = dir + "/" + std::string(name); is_program(path)) return path;
    return "";
}

std::vector<std::string> words_of(const std::string& text) {
    std::vector<std::string> words;
    for (std::string& word : split(text, ' '))
        if (!word.empty()) words.push_back(std::move(word));
    return words;
}

Error no_program(const std::string& what, const std::string& path) {
    return Error(Code::not_found, what + ": " + path + " is no program that can be executed");
}

Error not_found(const std::string& name, const std::string& config_path) {
    return Error(Code::not_found, "--runtime " + name + ": no such runtime: there is no " +
                                      std::string(kSetting) + name + " in " + config_path +
                                      ", and no program " + name + " in " +
                                      join(directories(), ", "))
        .with_hint("--runtime /path/to/it, or crank config set " + std::string(kSetting) + name +
                   " /path/to/it");
}

// The container's directory in the runtime's own state: apart from what others run by it.
std::string root_of(const Paths& paths, const Record& record) {
    const std::string& program = record.settings.runtime_command.front();
    return paths.state + "/runtimes/" + program.substr(program.rfind('/') + 1);
}

using Words = std::vector<std::string>;

constexpr std::chrono::milliseconds kKillDeadline(10'000), kLastMoment(1'000);

Words command(const Paths& paths, const Record& record, const std::string& log, Words verb) {
    Words words = record.settings.runtime_command;
    words.insert(words.end(), {"--root", root_of(paths, record)});
    if (!log.empty()) words.insert(words.end(), {"--log", log, "--log-format", "json"});
    words.insert(words.end(), verb.begin(), verb.end());
    return words;
}

sys::SpawnRequest request_for(Words words) {
    sys::SpawnRequest request;
    request.path = words.front();
    request.args = std::move(words);
    request.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    return request;
}

// Its output goes to `said`. Killed where its owner does not wait for its end.
Result<sys::Child> start(Words words, int said) {
    sys::UniqueFd null = TRY(sys::open("/dev/null", sys::kReadWrite));
    sys::SpawnRequest request = request_for(std::move(words));
    request.fds = {{null.get(), 0}, {said, 1}, {said, 2}};
    request.new_session = true;
    return sys::spawn(request);
}

std::string text_of(const sys::UniqueFd& said) {
    constexpr std::size_t kMostText = std::size_t{64} << 10;
    auto text = sys::read_file("/proc/self/fd/" + std::to_string(said.get()), kMostText);
    return text ? std::string(trim(*text)) : "";
}

Result<> refuse(bool given, const std::string& flag, const RunOptions& options, const char* why) {
    if (!given) return {};
    return fail(
        Error(Code::unsupported, flag + " with --runtime " + options.settings.runtime + ": " + why)
            .with_hint("leave out one of the two"));
}

oci::DeviceRule rule_for(const oci::Device& device) {
    return {true, device.type == "b" ? "b" : "c", device.major, device.minor, "rwm"};
}

// What crank's own runtime denies and allows by itself (plan_cgroup.cpp).
void add_device_rules(oci::Linux& linux_part) {
    std::vector<oci::DeviceRule> rules{{false, "a", {}, {}, "rwm"}};
    const auto& given = linux_part.resources.devices;
    rules.insert(rules.end(), given.begin(), given.end());
    for (const oci::Device& device : linux_part.devices)
        if (device.type != "p" && !linux_part.device_rules_complete)
            rules.push_back(rule_for(device));
    linux_part.resources.devices = std::move(rules);
}

// The last line that says that something failed.
std::string failure_in(std::string_view log) {
    std::string found;
    for (const std::string& line : split(log, '\n')) {
        auto entry = nlohmann::json::parse(line, nullptr, false);
        if (!entry.is_object() || !entry.contains("msg") || !entry["msg"].is_string()) continue;
        auto word = entry.find("level");
        std::string level =
            word != entry.end() && word->is_string() ? word->get<std::string>() : "error";
        if (level == "error" || level == "fatal") found = entry["msg"].get<std::string>();
    }
    return found;
}

// runc, crun and runsc have these words of the same causes; Docker looks for them too.
Code code_of(const std::string& words, Code otherwise) {
    auto says = [&](std::string_view part) { return words.find(part) != std::string::npos; };
    bool program = says("exec") || says("executable") || says("start container process");
    if (!program) return otherwise;
    if (says("executable file") && says("not found")) return Code::command_not_found;
    if (says("no such file or directory") || says("No such file or directory"))
        return Code::command_not_found;
    if (says("permission denied") || says("Permission denied") || says("is a directory") ||
        says("not a directory") || says("exec format error") || says("Exec format error"))
        return Code::cannot_invoke;
    return otherwise;
}

}  // namespace

Result<Words> find(const Config& config, const std::string& config_path, const std::string& name) {
    if (name.empty() || name == kOwn) return Words{};
    if (name.find('/') != std::string::npos) {
        if (!name.starts_with('/'))
            return fail(Error(Code::invalid_argument,
                              "--runtime " + name + ": a path is absolute, a name has no slash")
                            .with_hint("--runtime $PWD/" + name));
        if (!is_program(name)) return fail(no_program("--runtime", name));
        return Words{name};
    }
    if (auto set = config.find(std::string(kSetting) + name)) {
        Words words = words_of(*set);
        if (words.empty() || !words.front().starts_with('/') || !is_program(words.front()))
            return fail(no_program(std::string(kSetting) + name + " of " + config_path,
                                   words.empty() ? *set : words.front()));
        return words;
    }
    std::string path = in_path(name);
    if (path.empty()) return fail(not_found(name, config_path));
    return Words{path};
}

std::vector<std::pair<std::string, Words>> known(const Config& config) {
    std::vector<std::pair<std::string, Words>> list;
    for (const auto& [key, value] : config.entries())
        if (key.starts_with(kSetting))
            list.emplace_back(key.substr(kSetting.size()), words_of(value));
    for (std::string_view name : kUsual) {
        bool named = std::ranges::any_of(list, [&](const auto& one) { return one.first == name; });
        std::string path = named ? "" : in_path(name);
        if (!path.empty()) list.emplace_back(name, Words{path});
    }
    return list;
}

Result<> check(const RunOptions& options) {
    TRY(refuse(options.sandbox == Sandbox::strict, "--sandbox strict", options,
               "Landlock and its ids are applied by crank's own runtime"));
    return refuse(wants_own_ids(options), "--userns=auto", options,
                  "layers are mapped to other ids by crank's own runtime");
}

Result<> check(const RunOptions& options, const oci::RuntimeSpec& spec) {
    return refuse(!spec.linux.links.empty(), options.gpus.empty() ? "--device" : "--gpus", options,
                  "the links of the driver's libraries are made by crank's own runtime");
}

Result<oci::RuntimeSpec> spec_for(oci::RuntimeSpec spec, const Record& record,
                                  const std::string& bundle, const std::string& root) {
    // What all of them know.
    spec.oci_version = "1.0.2";
    spec.root_path = root;
    add_device_rules(spec.linux);
    if (!spec.linux.seccomp && !is_unfiltered(record.settings)) {
        auto bounding = TRY(policy::capability_set(spec.process.capabilities.bounding));
        spec.linux.seccomp = runtime::seccomp_words(
            policy::default_seccomp_filter(bounding, policy::native_architecture()));
    }
    bool own_network = record.network.mode != "host";
    for (oci::Namespace& ns : spec.linux.namespaces) {
        if (ns.type == "network" && own_network) ns.path = bundle + "/ns-network";
        if (ns.type == "pid" && !record.settings.pid.empty()) ns.path = bundle + "/ns-pid";
    }
    return spec;
}

Files files_of(const Paths& paths, const std::string& id) {
    std::string dir = paths.monitor(id);
    // Where it connects to by the path, which has to be short (unix(7)).
    return {dir + "/config.json", dir + "/runtime.pid", dir + "/runtime.log",
            paths.state + "/tty-" + id.substr(0, kShortIdLength)};
}

runtime::OtherRuntime commands_of(const Paths& paths, const Record& record) {
    Files files = files_of(paths, record.id);
    runtime::OtherRuntime other;
    other.bundle = paths.monitor(record.id);
    other.pid_file = files.pid;
    Words create{"create", "--bundle", other.bundle, "--pid-file", files.pid};
    if (record.terminal) create.insert(create.end(), {"--console-socket", files.console});
    create.push_back(record.id);
    other.create = command(paths, record, files.log, std::move(create));
    other.start = command(paths, record, files.log, {"start", record.id});
    other.kill = command(paths, record, "", {"kill", record.id});
    other.remove = command(paths, record, "", {"delete", "--force", record.id});
    return other;
}

Words exec_words(const Paths& paths, const Record& record, const std::string& process,
                 const std::string& log) {
    return command(paths, record, log, {"exec", "--process", process, record.id});
}

Error explain(Error error, const Record& record, std::string_view log) {
    std::string words = failure_in(log);
    if (words.empty()) return error;
    return Error(code_of(words, error.code()), record.settings.runtime + ": " + words)
        .with_context(error.message());
}

Result<> signal(const Paths& paths, const Container& container, int number) {
    const Record& record = container.record;
    const State& state = container.state;
    Words words = commands_of(paths, record).kill;
    words.push_back(std::to_string(number));
    sys::UniqueFd said = TRY(sys::make_memory_file("crank-said", 0));
    auto process = TRY(sys::open_pidfd(state.pid));
    if (!runtime::is_alive(state.pid, state.start_time)) return {};
    sys::Child child = TRY(start(std::move(words), said.get()));
    std::array ends{sys::PollEntry{child.pidfd(), true}, sys::PollEntry{process.get(), true}};
    bool ended = TRY(sys::poll(ends, kKillDeadline));
    // The container has: the command may come to its end.
    if (ends[1].readable) ended = TRY(child.wait_for(kLastMoment)).has_value();
    const std::string& name = record.settings.runtime;
    if (!ended) (void)sys::signal_group(child.pid(), SIGKILL);
    if (ends[1].readable) return {};
    if (!ended)
        return fail(Error(Code::deadline_exceeded, name + " kill does not end within 10 s")
                        .with_hint("crank kill " + shown_name(record)));
    if (TRY(child.wait()).shell_code() == 0) return {};
    return fail(Code::step_failed, name + " kill: " + text_of(said));
}

void forget(const Paths& paths, const Record& record) {
    if (!has(record)) return;
    (void)sys::remove_file(files_of(paths, record.id).console);
    // Each has an entry of the container's name there, or one that begins so.
    Result<std::vector<std::string>> entries = sys::list_dir(root_of(paths, record));
    bool left = entries && std::ranges::any_of(*entries, [&](const std::string& entry) {
                    return entry.starts_with(record.id);
                });
    if (left) (void)sys::run_command(request_for(commands_of(paths, record).remove));
}

}  // namespace crank::engine::other
