#include "dockerfile/origin.h"

#include <algorithm>
#include <span>

#include "base/text.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

std::optional<std::size_t> find_stage(const std::vector<StageSpec>& stages, std::string_view name,
                                      std::size_t end) {
    std::string lower = to_lower(name);
    for (std::size_t i = end; i-- > 0;)
        if (stages[i].name == lower && !lower.empty()) return i;
    return std::nullopt;
}

Result<Origin> find_origin(const std::vector<StageSpec>& stages, const std::string& name,
                           std::size_t self) {
    if (name.empty()) return BuildContext{};
    if (auto index = find_stage(stages, name, self)) return StageRef{*index};
    auto number = parse_int(name);
    auto index = number ? std::optional(static_cast<std::size_t>(*number))
                        : find_stage(stages, name, stages.size());
    if (!index) return ImageRef{name};
    if (number && (*number < 0 || *index >= stages.size())) {
        return fail(Error(Code::invalid_argument, "there is no stage " + name)
                        .with_hint("stages count from 0; this one is " + std::to_string(self)));
    }
    if (*index == self)
        return fail(Code::invalid_argument,
                    "stage " + quote_line(name) + " takes files from itself");
    if (*index > self) {
        return fail(Error(Code::invalid_argument, "stage " + quote_line(name) +
                                                      " is defined later, on line " +
                                                      std::to_string(stages[*index].from.span.line))
                        .with_hint("move it before this stage"));
    }
    return StageRef{*index};
}

std::string unset_warning(std::string_view name, const std::vector<std::string_view>& known) {
    std::string text = "variable " + quote_line(name) + " is not set";
    constexpr std::size_t kMaxCandidates = 256;
    auto near = std::span(known).first(std::min(known.size(), kMaxCandidates));
    if (auto guess = did_you_mean(name, near)) text += " (did you mean " + *guess + "?)";
    return text;
}

}  // namespace crank::dockerfile
