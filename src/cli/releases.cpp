// releases and rollback: what a project was, and back to it.
#include "deploy/releases.h"

#include <csignal>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/each.h"
#include "cli/format.h"
#include "cli/output.h"
#include "cli/performer.h"
#include "cli/release_places.h"
#include "cli/released.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "deploy/release_difference.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Flag kReleasesOwn[] = {
    {"format", 0, FlagKind::value, "FORMAT", "table, json, or a template: {{.Release}}"},
    {"all-envs", 0, FlagKind::boolean, "",
     "which digest of each service runs where: in each project of the same file"},
};
constexpr auto kReleasesFlags = with_project_flags(kReleasesOwn);
constexpr Flag kRollbackOwn[] = {
    {"wait", 0, FlagKind::boolean, "", "until all answer or are healthy"},
    {"time", 't', FlagKind::value, "SECONDS",
     "how long to wait before a container that is to end is killed"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    kMessageFlag,
    kIgnoreLockFlag,
};
constexpr auto kRollbackFlags = with_project_flags(kRollbackOwn);
constexpr std::string_view kReleasesExamples[] = {
    "crank releases", "crank releases -p mail --format json", "crank releases --all-envs"};
constexpr std::string_view kRollbackExamples[] = {"crank rollback", "crank rollback 3"};
constexpr Column kColumns[] = {
    {"Release", "RELEASE"},
    {"CreatedSince", "CREATED"},
    {"By", "BY"},
    {"What", "WHAT"},
    {"Images", "IMAGES"},
    {"Status", "STATUS"},
    {"Message", "MESSAGE"},
    {"CreatedAt", "CREATED AT", false},
    {"Error", "ERROR", false},
};

// "web=web:1@1a2b3c4d5e6f"
std::string images_text(const deploy::Release& release) {
    std::vector<std::string> texts;
    for (const deploy::ReleasedService& service : release.services)
        texts.push_back(service.name + "=" + deploy::image_text(service));
    return join(texts, " ");
}

Json row_of(const deploy::Release& release) {
    return {{"Release", std::to_string(release.number)},
            {"CreatedSince", age_text(release.at_ns) + " ago"},
            {"CreatedAt", time_text(release.at_ns)},
            {"By", release.by},
            {"What", release.what},
            {"Images", images_text(release)},
            {"Status", release.error.empty() ? "good" : "failed"},
            {"Message", release.message},
            {"Error", release.error}};
}

Result<int> perform_releases(Invocation& invocation) {
    std::string name = TRY(project_name(invocation.arguments));
    if (invocation.arguments.on("all-envs")) return print_places(invocation, name);
    std::vector<deploy::Release> releases = TRY(deploy::list_releases(invocation.paths, name));
    std::vector<Json> rows;
    for (std::size_t i = releases.size(); i-- > 0;) rows.push_back(row_of(releases[i]));
    print(TRY(format_list(invocation.arguments.value("format"), kColumns, rows)));
    return 0;
}

Result<int> perform_rollback(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    std::optional<std::int64_t> number = TRY(read_release(arguments, 0));
    std::optional<int> seconds = TRY(read_seconds(arguments));
    std::string message = TRY(read_message(arguments));
    std::string name = TRY(project_name(arguments));
    deploy::Release release =
        TRY(deploy::choose_release(TRY(deploy::list_releases(invocation.paths, name)), number));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    TRY(roll_back(invocation, release,
                  {.message = message,
                   .stop_seconds = seconds,
                   .waits = arguments.on("wait"),
                   .locked = read_locked(arguments)},
                  signals.fd()));
    return 0;
}

}  // namespace

constinit const Verb kReleases = {
    .name = "releases",
    .summary = "list what a compose project was, each time it was changed",
    .group = Group::containers,
    .syntax = {.flags = kReleasesFlags},
    .examples = kReleasesExamples,
    .others = "what changed from one to another: crank releases diff",
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform_releases,
};
constinit const Verb kRollback = {
    .name = "rollback",
    .summary = "make a compose project what it was: the last good release before this one",
    .group = Group::containers,
    .syntax = {.flags = kRollbackFlags, .max_words = 1, .arguments = "[RELEASE]"},
    .examples = kRollbackExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform_rollback,
};

}  // namespace crank::cli
