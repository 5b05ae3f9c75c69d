#include "deploy/plan_file.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "deploy/json_fields.h"

namespace crank::deploy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kFormat = "crank plan 1";
constexpr std::array<std::pair<Recreate, std::string_view>, 3> kRecreate = {
    {{Recreate::changed, "changed"}, {Recreate::always, "always"}, {Recreate::never, "never"}}};

std::string_view name_of(Recreate recreate) {
    return std::ranges::find(kRecreate, recreate, &decltype(kRecreate)::value_type::first)->second;
}

// What is told of a step that is not there.
std::string shown(const std::vector<SavedStep>& steps, std::size_t at) {
    return at < steps.size() ? "\"" + steps[at].text + "\"" : "nothing";
}

}  // namespace

std::vector<SavedStep> saved_steps(const Plan& plan) {
    std::vector<SavedStep> steps;
    for (Step step : plan.steps) {
        // It does the same, whatever happens to be frozen.
        if (step.action == Action::cool) continue;
        step.thaws.clear();
        steps.push_back({describe(step), step.container});
    }
    return steps;
}

std::string serialize(const SavedPlan& plan) {
    Json steps = Json::array();
    for (const SavedStep& step : plan.steps)
        steps.push_back({{"step", step.text}, {"container", step.container}});
    return Json{{"format", kFormat},
                {"steps", steps},
                {"recreate", name_of(plan.recreate)},
                {"remove_orphans", plan.remove_orphans},
                {"waits", plan.waits},
                {"release", Json::parse(serialize(plan.release))}}
               .dump(2, ' ', false, Json::error_handler_t::replace) +
           "\n";
}

Result<SavedPlan> parse_saved_plan(std::string_view text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded() || !json.is_object() || text_at(json, "format") != kFormat)
        return fail(
            Error(Code::corrupt, "no plan of this crank").with_hint("crank plan --out FILE"));
    SavedPlan plan{.release = TRY(parse_release(part_at(json, "release").dump())),
                   .remove_orphans = flag_at(json, "remove_orphans"),
                   .waits = flag_at(json, "waits")};
    auto known = std::ranges::find(kRecreate, text_at(json, "recreate"),
                                   &decltype(kRecreate)::value_type::second);
    if (known == kRecreate.end()) return fail(Code::corrupt, "recreate: no word of a plan");
    plan.recreate = known->first;
    for (const Json& step : part_at(json, "steps"))
        plan.steps.push_back({text_at(step, "step"), text_at(step, "container")});
    return plan;
}

Result<> check_same(const std::vector<SavedStep>& planned, const Plan& now) {
    std::vector<SavedStep> steps = saved_steps(now);
    for (std::size_t i = 0; i < std::max(steps.size(), planned.size()); ++i) {
        if (i < steps.size() && i < planned.size() && steps[i] == planned[i]) continue;
        std::string text = "what is there has changed since the plan was made: step " +
                           std::to_string(i + 1) + " was " + shown(planned, i);
        bool same_text = i < steps.size() && i < planned.size() && steps[i].text == planned[i].text;
        text += same_text ? ", of another container" : ", and would be " + shown(steps, i);
        return fail(Error(Code::failed_precondition, text + "; nothing was done")
                        .with_hint("crank plan --out FILE"));
    }
    return {};
}

}  // namespace crank::deploy
