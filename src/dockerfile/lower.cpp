#include "dockerfile/lower.h"

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include "base/text.h"
#include "dockerfile/check.h"
#include "dockerfile/expand.h"
#include "dockerfile/origin.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace {

constexpr std::array<std::string_view, 5> kProxies = {"http_proxy", "https_proxy", "ftp_proxy",
                                                      "no_proxy", "all_proxy"};

constexpr std::size_t kMaxWarnings = 100;

std::string to_upper(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

bool is_proxy(const std::string& name) {
    return std::ranges::find(kProxies, to_lower(name)) != kProxies.end();
}

// What FROM and ARG may use without declaring it (docs.docker.com/reference/dockerfile, "Automatic
// platform ARGs in the global scope").
std::vector<KeyValue> automatic_args(const BuildOptions& options) {
    const Platform& build = options.build_platform;
    const Platform& target = options.target_platform;
    return {{"BUILDPLATFORM", build.text()},
            {"BUILDOS", build.os},
            {"BUILDARCH", build.architecture},
            {"BUILDVARIANT", build.variant},
            {"TARGETPLATFORM", target.text()},
            {"TARGETOS", target.os},
            {"TARGETARCH", target.architecture},
            {"TARGETVARIANT", target.variant},
            {"TARGETSTAGE", options.target.empty() ? "default" : options.target}};
}

std::vector<std::string> proxy_environment(const std::map<std::string, std::string>& build_args) {
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : build_args)
        if (is_proxy(name)) out[name] = value;
    // Programs read one spelling or the other; what was given keeps its own value.
    for (const auto& [name, value] : build_args) {
        if (!is_proxy(name)) continue;
        out.try_emplace(to_lower(name), value);
        out.try_emplace(to_upper(name), value);
    }
    std::vector<std::string> list;
    for (const auto& [name, value] : out) list.push_back(name + "=" + value);
    return list;
}

class Lowering {
public:
    Lowering(const Dockerfile& file, const BuildOptions& options)
        : file_(file), options_(options), expander_({.escape = file.directives.escape}) {}

    Result<BuildSpec> run() {
        spec_.file = file_.file;
        spec_.escape = file_.directives.escape;
        spec_.build_args = options_.build_args;
        spec_.contexts = options_.contexts;
        spec_.warnings = file_.warnings;
        spec_.proxy_environment = proxy_environment(options_.build_args);
        TRY(global_args());
        TRY(epoch());
        // Before the dependencies, because they refer to stages.
        for (const Stage& stage : file_.stages) TRY(add_stage(stage));
        for (StageSpec& stage : spec_.stages) TRY(find_needs(stage));
        TRY(find_target());
        mark_needed(spec_.target);
        return std::move(spec_);
    }

private:
    Result<> global_args();
    Result<> global_arg(const Instruction& instruction);
    Result<> epoch();
    Result<> add_stage(const Stage& stage);
    Result<> find_needs(StageSpec& stage);
    Result<std::vector<std::string>> origins_of(const Instruction& instruction);
    Result<> find_target();
    void mark_needed(std::size_t index);
    Result<std::string> expand(const std::string& text, const Instruction& owner);

    const Dockerfile& file_;
    const BuildOptions& options_;
    Expander expander_;
    BuildSpec spec_;
    std::unordered_set<std::string> declared_;  // names of global ARG
};

Result<std::string> Lowering::expand(const std::string& text, const Instruction& owner) {
    auto expanded = expander_.expand(text, spec_.global_args);
    if (!expanded) return fail(at(std::move(expanded).error(), spec_.file, owner.span, owner.text));
    for (const std::string& name : expanded->unset) {
        // The cap also bounds the work of guessing names.
        if (declared_.contains(name) || spec_.warnings.size() >= kMaxWarnings) continue;
        spec_.warnings.push_back({spec_.file, owner.span,
                                  unset_warning(name, spec_.global_args.names()) +
                                      "; before FROM and in it, only ARG before FROM counts",
                                  rule::kUndefinedArgInFrom});
    }
    return std::move(expanded->text);
}

Result<> Lowering::global_args() {
    for (const KeyValue& arg : automatic_args(options_)) {
        auto given = options_.build_args.find(arg.key);
        spec_.global_args.set(arg.key,
                              given == options_.build_args.end() ? arg.value : given->second);
    }
    for (const Instruction& instruction : file_.global_args) TRY(global_arg(instruction));
    return {};
}

Result<> Lowering::global_arg(const Instruction& instruction) {
    for (const Arg::Item& item : std::get<Arg>(instruction.body).items) {
        if (declared_.insert(item.name).second) spec_.declared_global_args.push_back(item.name);
        auto given = options_.build_args.find(item.name);
        if (given != options_.build_args.end())
            spec_.global_args.set(item.name, given->second);
        else if (item.value)
            spec_.global_args.set(item.name, TRY(expand(*item.value, instruction)));
    }
    return {};
}

Result<> Lowering::epoch() {
    constexpr std::string_view kName = "SOURCE_DATE_EPOCH";
    auto given = options_.build_args.find(std::string(kName));
    const std::string* value =
        given != options_.build_args.end() ? &given->second : spec_.global_args.find(kName);
    if (value == nullptr || value->empty()) return {};
    auto seconds = parse_int(*value);
    if (!seconds || *seconds < 0) {
        return fail(Error(Code::invalid_argument,
                          "SOURCE_DATE_EPOCH must be seconds since 1970, not " + quote_line(*value))
                        .with_hint("use --build-arg SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)"));
    }
    spec_.source_date_epoch = *seconds;
    return {};
}

Result<> Lowering::add_stage(const Stage& stage) {
    StageSpec out;
    out.index = spec_.stages.size();
    out.from = stage.from;
    out.instructions = stage.instructions;
    auto& from = std::get<From>(out.from.body);
    out.name = from.name;
    std::string written = from.image;
    from.image = TRY(expand(from.image, stage.from));
    if (from.image.empty()) {
        return fail_at(Code::invalid_argument,
                       "the image " + quote_line(written) + " is empty after expansion", spec_.file,
                       stage.from.span, stage.from.text);
    }
    if (!from.platform.empty()) {
        from.platform = TRY(expand(from.platform, stage.from));
        if (from.platform.empty())
            return fail_at(Code::invalid_argument, "--platform is empty after expansion",
                           spec_.file, stage.from.span, stage.from.text);
    }
    out.platform = from.platform;
    if (auto given = find_context(spec_.contexts, out.name)) {
        // The whole stage is replaced.
        out.base = *given;
        out.instructions.clear();
    } else if (auto index = find_stage(spec_.stages, from.image, spec_.stages.size()))
        out.base = StageRef{*index};
    else if (from.image == "scratch")
        out.base = Scratch{};
    else if (auto context = find_context(spec_.contexts, from.image))
        out.base = *context;
    else
        out.base = ImageRef{from.image};
    spec_.stages.push_back(std::move(out));
    return {};
}

// The names that an instruction copies or mounts from.
Result<std::vector<std::string>> Lowering::origins_of(const Instruction& instruction) {
    std::vector<std::string> names;
    if (const auto* copy = std::get_if<Copy>(&instruction.body)) {
        if (!copy->from.empty()) names.push_back(copy->from);
    } else if (const auto* run = std::get_if<Run>(&instruction.body)) {
        for (const std::string& mount : run->mounts) {
            std::string from = TRY(mount_from(mount));
            if (!from.empty()) names.push_back(std::move(from));
        }
    }
    return names;
}

Result<> Lowering::find_needs(StageSpec& stage) {
    std::set<std::size_t> needs;
    if (const auto* base = std::get_if<StageRef>(&stage.base)) needs.insert(base->index);
    for (const Instruction& instruction : stage.instructions) {
        auto place = [&](Error error) {
            return fail(at(std::move(error), spec_.file, instruction.span, instruction.text));
        };
        auto names = origins_of(instruction);
        if (!names) return place(std::move(names).error());
        for (const std::string& name : *names) {
            auto origin = find_origin(spec_, name, stage.index);
            if (!origin) return place(std::move(origin).error());
            if (const auto* ref = std::get_if<StageRef>(&*origin)) needs.insert(ref->index);
        }
    }
    stage.needs.assign(needs.begin(), needs.end());
    return {};
}

Result<> Lowering::find_target() {
    spec_.target = spec_.stages.size() - 1;
    if (options_.target.empty()) return {};
    if (auto index = find_stage(spec_.stages, options_.target, spec_.stages.size())) {
        spec_.target = *index;
        return {};
    }
    auto number = parse_int(options_.target);
    if (number && *number >= 0 && *number < static_cast<std::int64_t>(spec_.stages.size())) {
        spec_.target = static_cast<std::size_t>(*number);
        return {};
    }
    Error error(Code::not_found, spec_.file + " has no stage " + quote_line(options_.target));
    std::vector<std::string_view> names;
    for (const StageSpec& stage : spec_.stages)
        if (!stage.name.empty()) names.push_back(stage.name);
    if (auto guess = did_you_mean(options_.target, names))
        return fail(std::move(error).with_hint("did you mean --target " + *guess + "?"));
    return fail(std::move(error).with_hint("give the stage a name: FROM IMAGE AS NAME"));
}

// Stages refer to earlier ones only, so one walk downwards finds all.
void Lowering::mark_needed(std::size_t index) {
    spec_.stages[index].needed = true;
    for (std::size_t i = index + 1; i-- > 0;) {
        if (!spec_.stages[i].needed) continue;
        for (std::size_t need : spec_.stages[i].needs) spec_.stages[need].needed = true;
    }
}

}  // namespace

std::string Platform::text() const {
    std::string out = os + "/" + architecture;
    if (!variant.empty()) out += "/" + variant;
    return out;
}

std::string StageSpec::display_name() const {
    return name.empty() ? "stage " + std::to_string(index) : name;
}

Result<BuildSpec> lower(const Dockerfile& file, const BuildOptions& options) {
    return Lowering(file, options).run();
}

std::optional<Warning> unused_build_args(const BuildSpec& spec,
                                         const std::vector<std::string>& declared) {
    std::set<std::string_view> known(declared.begin(), declared.end());
    known.insert(spec.declared_global_args.begin(), spec.declared_global_args.end());
    for (std::string_view name : spec.global_args.names()) known.insert(name);
    std::vector<std::string> unused;
    for (const auto& [name, value] : spec.build_args) {
        bool predefined =
            is_proxy(name) || name == "SOURCE_DATE_EPOCH" || name.starts_with("BUILDKIT_");
        if (!predefined && !known.contains(name)) unused.push_back(name);
    }
    if (unused.empty()) return std::nullopt;
    return Warning{spec.file, {}, "build arguments that no ARG declares: " + join(unused, ", ")};
}

}  // namespace crank::dockerfile
