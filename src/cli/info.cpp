#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/format.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/lifecycle.h"
#include "engine/other_runtime.h"
#include "runtime/host.h"
#include "sys/landlock.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT", "json, or a template: {{.Root}}"},
};
constexpr std::string_view kExamples[] = {"crank info", "crank info --format '{{.Root}}'"};

Json describe_configuration(const engine::Config& config) {
    Json entries = Json::object();
    for (const engine::Setting& setting : engine::settings())
        if (!setting.otherwise.empty()) entries[std::string(setting.name)] = setting.otherwise;
    for (const auto& [key, value] : config.entries()) entries[key] = value;
    return entries;
}

void append(std::string& text, const Json& value, const std::string& indent) {
    for (const auto& [key, item] : value.items()) {
        if (item.is_object() && !item.empty()) {
            text += indent + key + ":\n";
            append(text, item, indent + "  ");
        } else {
            text += indent + key + ": " +
                    (item.is_string() ? item.get<std::string>() : item.dump()) + "\n";
        }
    }
}

std::string cgroup_version(runtime::CgroupMode mode) {
    switch (mode) {
        case runtime::CgroupMode::none: return "none";
        case runtime::CgroupMode::v1: return "1";
        case runtime::CgroupMode::v2: return "2";
    }
    return "";
}

// Limits that this machine can apply.
std::vector<std::string> limits_of(const runtime::HostFacts& host) {
    std::vector<std::string> names;
    for (const char* wanted : {"cpu", "memory", "pids", "devices"}) {
        bool has = std::find(host.v2_controllers.begin(), host.v2_controllers.end(), wanted) !=
                   host.v2_controllers.end();
        for (const auto& [controller, mount] : host.cgroup_mounts) has |= controller == wanted;
        if (has) names.emplace_back(wanted);
    }
    return names;
}

Result<Json> count_containers(const engine::Paths& paths) {
    int running = 0, all = 0;
    for (const engine::Container& container : TRY(engine::list(paths))) {
        ++all;
        running += container.state.status == engine::Status::running;
    }
    return Json{{"Total", all}, {"Running", running}};
}

// Those that --runtime knows by name, with the program; crank itself has none but its own.
Json describe_runtimes(const engine::Config& config) {
    Json list = {{std::string(engine::other::kOwn), {{"path", "crank-shim"}}}};
    for (const auto& [name, words] : engine::other::known(config)) {
        Json entry = {{"path", words.empty() ? "" : words.front()}};
        if (words.size() > 1)
            entry["runtimeArgs"] = std::vector<std::string>(words.begin() + 1, words.end());
        list[name] = std::move(entry);
    }
    return list;
}

Result<int> perform(Invocation& invocation) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    sys::KernelInfo kernel = sys::kernel_info();
    runtime::HostFacts host = TRY(runtime::probe_host());
    Json info = {{"ServerVersion", CRANK_VERSION},
                 {"Root", invocation.paths.root},
                 {"State", invocation.paths.state},
                 {"ConfigFile", invocation.paths.config},
                 {"Configuration", describe_configuration(config)},
                 {"Containers", TRY(count_containers(invocation.paths))},
                 {"Name", kernel.host_name},
                 {"KernelVersion", kernel.release},
                 {"Architecture", kernel.machine},
                 {"NCPU", host.cpus},
                 {"MemTotal", host.memory_total},
                 {"CgroupVersion", cgroup_version(host.cgroup_mode)},
                 {"Limits", limits_of(host)},
                 {"Runtimes", describe_runtimes(config)},
                 {"DefaultRuntime", engine::other::kOwn},
                 {"Landlock", sys::landlock_version()},
                 {"Rootless", sys::effective_uid() != 0}};
    std::string format = invocation.arguments.value("format");
    if (!format.empty()) {
        print(TRY(format_one(format, info)));
        return 0;
    }
    std::string text;
    append(text, info, "");
    print(text);
    return 0;
}

}  // namespace

constinit const Verb kInfo = {
    .name = "info",
    .summary = "print the settings and what this machine offers",
    .group = Group::machine,
    .syntax = {.flags = kFlags},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
