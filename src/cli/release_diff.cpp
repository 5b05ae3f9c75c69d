// releases diff: what changed from one release of a project to another.
#include <nlohmann/json.hpp>

#include "cli/format.h"
#include "cli/output.h"
#include "cli/released.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "deploy/release_difference.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kOwnFlags[] = {
    {"format", 0, FlagKind::value, "FORMAT", "json, or a template: {{json .services}}"},
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr std::string_view kExamples[] = {
    "crank releases diff",
    "crank releases diff 3",
    "crank releases diff 3 5 --format json",
};

// "release 3 (up by ann, 2 hours ago)"
std::string heading(const deploy::Release& release) {
    std::string text = "release " + std::to_string(release.number) + " (" + release.what + " by " +
                       release.by + ", " + age_text(release.at_ns) + " ago";
    return text + (release.error.empty() ? ")" : ", failed)");
}

Json json_of(const deploy::Release& release) {
    return {{"release", release.number},
            {"at", rfc3339(release.at_ns)},
            {"by", release.by},
            {"what", release.what},
            {"error", release.error}};
}

Json json_of(const deploy::ReleasedService& service) {
    if (service.name.empty()) return nullptr;
    return {
        {"image", service.image}, {"digest", service.image_id}, {"containers", service.replicas}};
}

std::string_view word_of(deploy::ServiceDifference::Kind kind) {
    using Kind = deploy::ServiceDifference::Kind;
    switch (kind) {
        case Kind::added: return "added";
        case Kind::removed: return "removed";
        case Kind::changed: return "changed";
    }
    return "";
}

Json json_of(const deploy::Release& before, const deploy::Release& after,
             const deploy::ReleaseDifference& difference) {
    Json services = Json::array();
    for (const deploy::ServiceDifference& one : difference.services)
        services.push_back({{"service", one.service},
                            {"change", word_of(one.kind)},
                            {"from", json_of(one.before)},
                            {"to", json_of(one.after)},
                            {"fields", one.fields}});
    return {{"from", json_of(before)},
            {"to", json_of(after)},
            {"services", services},
            {"project", difference.project}};
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::optional<std::int64_t> first = TRY(read_release(arguments, 0));
    std::optional<std::int64_t> second = TRY(read_release(arguments, 1));
    std::string name = TRY(project_name(arguments));
    auto [before, after] = TRY_IN(
        deploy::choose_two(TRY(deploy::list_releases(invocation.paths, name)), first, second),
        "project " + name);
    deploy::ReleaseDifference difference = deploy::difference_of(before, after);
    if (auto format = arguments.find("format"); format && !format->empty()) {
        print(TRY(format_one(*format, json_of(before, after, difference))));
        return 0;
    }
    note("from " + heading(before) + " to " + heading(after));
    if (difference.empty()) note("nothing");
    for (const std::string& line : deploy::describe(difference)) print_line(line);
    return 0;
}

}  // namespace

constinit const Verb kReleasesDiff = {
    .name = "releases diff",
    .summary = "show what changed between two releases of a compose project",
    .group = Group::containers,
    .syntax = {.flags = kFlags, .max_words = 2, .arguments = "[RELEASE [RELEASE]]"},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
