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

namespace {

std::string familiar(std::string_view name) {
    std::string text = to_lower(name);
    constexpr std::string_view kLibrary = "docker.io/library/", kLatest = ":latest";
    if (text.starts_with(kLibrary)) text.erase(0, kLibrary.size());
    if (text.ends_with(kLatest)) text.resize(text.size() - kLatest.size());
    return text;
}

}  // namespace

std::optional<Base> find_context(const std::map<std::string, std::string>& contexts,
                                 std::string_view name) {
    if (name.empty()) return std::nullopt;
    std::string wanted = familiar(name);
    for (const auto& [known, image] : contexts) {
        if (familiar(known) != wanted) continue;
        return image.empty() ? Base(ContextRef{known}) : Base(ImageRef{image});
    }
    return std::nullopt;
}

Result<Origin> find_origin(const BuildSpec& spec, const std::string& name, std::size_t self) {
    if (name.empty()) return BuildContext{};
    const std::vector<StageSpec>& stages = spec.stages;
    if (auto context = find_context(spec.contexts, name)) {
        if (const auto* image = std::get_if<ImageRef>(&*context)) return *image;
        return std::get<ContextRef>(*context);
    }
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
