#include <nlohmann/json.hpp>

#include "cli/format.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/config.h"
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

Result<int> perform(Invocation& invocation) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    sys::KernelInfo kernel = sys::kernel_info();
    Json info = {{"ServerVersion", CRANK_VERSION},
                 {"Root", invocation.paths.root},
                 {"State", invocation.paths.state},
                 {"ConfigFile", invocation.paths.config},
                 {"Configuration", describe_configuration(config)},
                 {"Name", kernel.host_name},
                 {"KernelVersion", kernel.release},
                 {"Architecture", kernel.machine},
                 {"NCPU", sys::online_cpus()},
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
