// What a stage begins and ends with, and what is in force at one of its steps.
#include <set>
#include <utility>

#include "dockerfile/lower.h"
#include "dockerfile/paths.h"

namespace crank::dockerfile {

namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

}  // namespace

StageState StageState::of_image(std::span<const std::string> env, std::string workdir,
                                std::string user, std::vector<std::string> shell,
                                std::vector<std::string> onbuild) {
    StageState state;
    state.env = Environment::from_list(env);
    if (state.env.find("PATH") == nullptr) state.env.set("PATH", kDefaultPath);
    state.visible = state.env;
    state.workdir = resolve_path("/", workdir);
    state.user = std::move(user);
    if (!shell.empty()) state.shell = std::move(shell);
    state.onbuild = std::move(onbuild);
    return state;
}

StageState StageState::of_scratch() { return of_image({}, "/", "", {}, {}); }

Environment LoweredStage::environment(const Step& step) const {
    Environment env = begin.visible;
    for (std::size_t i = 0; i < step.assignments; ++i)
        if (assignments[i].value) env.set(assignments[i].name, *assignments[i].value);
    return env;
}

std::vector<KeyValue> LoweredStage::arguments(const Step& step) const {
    Environment env = environment(step);
    std::vector<std::string> names = begin.declared_args;
    std::set<std::string> seen(names.begin(), names.end());
    for (std::size_t i = 0; i < step.assignments; ++i) {
        const Assignment& assignment = assignments[i];
        if (assignment.arg && seen.insert(assignment.name).second) names.push_back(assignment.name);
    }
    std::vector<KeyValue> out;
    for (std::string& name : names) {
        const std::string* value = env.find(name);
        out.push_back({std::move(name), value == nullptr ? std::string() : *value});
    }
    return out;
}

}  // namespace crank::dockerfile
