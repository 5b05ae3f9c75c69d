#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output.h"
#include "cli/verbs.h"
#include "engine/config.h"
#include "engine/doctor.h"
#include "runtime/host.h"

namespace crank::cli {
namespace {

using engine::Check;
using engine::Health;
using Json = nlohmann::ordered_json;

constexpr Flag kFlags[] = {
    {"format", 'f', FlagKind::value, "text|json", "json: one object with all checks"},
};
constexpr std::string_view kExamples[] = {"crank doctor", "crank doctor gpu --format json"};
constexpr std::string_view kGpuExamples[] = {"crank doctor gpu"};

std::size_t count(const std::vector<Check>& checks, Health health) {
    return static_cast<std::size_t>(
        std::ranges::count_if(checks, [&](const Check& check) { return check.health == health; }));
}

void print_json(const std::vector<Check>& checks) {
    Json list = Json::array();
    for (const Check& check : checks)
        list.push_back({{"name", check.name},
                        {"state", engine::name_of(check.health)},
                        {"found", check.found},
                        {"why", check.why},
                        {"remedy", check.remedy}});
    Json all{{"ok", count(checks, Health::missing) == 0}, {"checks", std::move(list)}};
    print_line(all.dump(2));
}

void print_text(const std::vector<Check>& checks) {
    for (const Check& check : checks) {
        std::string state(engine::name_of(check.health));
        state.resize(std::string_view("warning").size() + 2, ' ');
        print_line(state + check.name + ": " + check.found);
        if (check.health == Health::ok) continue;
        print_line("         why: " + check.why);
        print_line("         do:  " + check.remedy);
    }
    std::size_t missing = count(checks, Health::missing), warnings = count(checks, Health::warning);
    print_line(std::to_string(checks.size()) + " checks, " + std::to_string(missing) +
               " missing, " + std::to_string(warnings) +
               (warnings == 1 ? " warning" : " warnings"));
}

Result<int> show(const Invocation& invocation, const std::vector<Check>& checks) {
    std::string format = invocation.arguments.value("format", "text");
    if (format != "text" && format != "json")
        return fail(Code::usage, "--format \"" + format + "\": text or json");
    format == "json" ? print_json(checks) : print_text(checks);
    return count(checks, Health::missing) == 0 ? 0 : 1;
}

Result<int> perform(Invocation& invocation) {
    return show(invocation, engine::check_host(TRY(runtime::probe_host())));
}

Result<int> perform_gpu(Invocation& invocation) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    return show(invocation, engine::check_gpus(config, TRY(runtime::probe_host())));
}

}  // namespace

constinit const Verb kDoctor = {
    .name = "doctor",
    .summary = "look at what crank needs of this machine, and say what is missing",
    .group = Group::machine,
    .syntax = {.flags = kFlags},
    .examples = kExamples,
    .perform = perform,
};

constinit const Verb kDoctorGpu = {
    .name = "doctor gpu",
    .summary = "look at GPUs, their drivers and CDI files, and say what is missing",
    .group = Group::machine,
    .syntax = {.flags = kFlags},
    .examples = kGpuExamples,
    .perform = perform_gpu,
};

}  // namespace crank::cli
