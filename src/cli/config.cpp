#include "engine/config.h"

#include "cli/output.h"
#include "cli/verbs.h"

namespace crank::cli {
namespace {

constexpr std::string_view kExamples[] = {
    "crank config set publish.address 0.0.0.0",
    "crank config set alias.python:3.11-slim localhost/crank/python:3.11-slim",
    "crank config get build.host-trust",
    "crank config unset publish.address",
};
constexpr Flag kListFlags[] = {
    {"all", 'a', FlagKind::boolean, "", "also what is not set, with its meaning"},
};

Result<int> get(Invocation& invocation) {
    const std::string& key = invocation.arguments.words()[0];
    TRY(engine::find_setting(key));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    std::string value = config.text(key);
    if (value.empty()) return fail(Code::not_found, key + " is not set");
    print_line(value);
    return 0;
}

Result<int> set(Invocation& invocation) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    TRY(config.set(invocation.arguments.words()[0], invocation.arguments.words()[1]));
    TRY(config.save(invocation.paths.config));
    return 0;
}

Result<int> unset(Invocation& invocation) {
    TRY(engine::find_setting(invocation.arguments.words()[0]));
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    config.unset(invocation.arguments.words()[0]);
    TRY(config.save(invocation.paths.config));
    return 0;
}

Result<int> list(Invocation& invocation) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    for (const auto& [key, value] : config.entries()) print_line(key + "=" + value);
    if (!invocation.arguments.on("all")) return 0;
    for (const engine::Setting& setting : engine::settings()) {
        std::string line = "# " + std::string(setting.name);
        if (!setting.otherwise.empty()) line += "=" + std::string(setting.otherwise);
        print_line(line + "   " + std::string(setting.help));
    }
    return 0;
}

}  // namespace

constinit const Verb kConfigGet = {
    .name = "config get",
    .summary = "print a setting",
    .group = Group::machine,
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "KEY"},
    .examples = kExamples,
    .perform = get,
};
constinit const Verb kConfigSet = {
    .name = "config set",
    .summary = "change a setting",
    .group = Group::machine,
    .syntax = {.min_words = 2, .max_words = 2, .arguments = "KEY VALUE"},
    .examples = kExamples,
    .perform = set,
};
constinit const Verb kConfigUnset = {
    .name = "config unset",
    .summary = "remove a setting",
    .group = Group::machine,
    .syntax = {.min_words = 1, .max_words = 1, .arguments = "KEY"},
    .examples = kExamples,
    .perform = unset,
};
constinit const Verb kConfigList = {
    .name = "config list",
    .summary = "print the settings",
    .group = Group::machine,
    .syntax = {.flags = kListFlags},
    .examples = kExamples,
    .perform = list,
};

}  // namespace crank::cli
