// scale: more or fewer containers of a project's services, all else as it is.
#include <csignal>

#include "base/text.h"
#include "cli/each.h"
#include "cli/performer.h"
#include "cli/released.h"
#include "cli/verbs.h"
#include "deploy/records.h"

namespace crank::cli {
namespace {

constexpr Flag kOwnFlags[] = {
    {"wait", 0, FlagKind::boolean, "", "until all answer or are healthy"},
    {"no-deps", 0, FlagKind::boolean, "", "without the services that those named depend on"},
    {"time", 't', FlagKind::value, "SECONDS",
     "how long to wait before a container that is to end is killed"},
    {"timeout", 0, FlagKind::value, "SECONDS", "", "time"},
    kMessageFlag,
    kIgnoreLockFlag,
};
constexpr auto kFlags = with_project_flags(kOwnFlags);
constexpr std::string_view kExamples[] = {"crank scale web=3", "crank scale web=3 worker=0"};

using Replicas = std::map<std::string, std::int64_t>;

Result<Replicas> read_words(const Arguments& arguments) {
    Replicas wanted;
    for (const std::string& word : arguments.words()) {
        auto [service, number] = TRY(read_replicas(word, word));
        wanted[service] = number;
    }
    return wanted;
}

// What is there is of it, whatever the file says by now: the file may have what was rolled back
// from.
Result<deploy::Release> release_there(const engine::Paths& paths, const std::string& name,
                                      const std::string& words) {
    std::vector<deploy::Release> releases = TRY(deploy::list_releases(paths, name));
    const deploy::Release* release = deploy::present_release(releases);
    bool down = deploy::Records(paths, name).is_down();
    if (release != nullptr && !down) return *release;
    std::string why = down ? "is down" : "has no release that ended well";
    return fail(Error(Code::failed_precondition, "project " + name + " " + why)
                    .with_hint("crank up -d --scale " + words));
}

UpRequest request_for(const deploy::Release& release, const LoadedProject& project,
                      const Replicas& wanted) {
    UpRequest request = request_for(release, project);
    request.same_as = 0;
    request.unless_down = true;
    request.watches = true;
    request.selection.services.clear();
    for (const auto& [service, number] : wanted) {
        request.selection.services.push_back(service);
        request.selection.replicas[service] = number;
    }
    return request;
}

Result<int> perform(Invocation& invocation) {
    const Arguments& arguments = invocation.arguments;
    Replicas wanted = TRY(read_words(arguments));
    std::optional<int> seconds = TRY(read_seconds(arguments));
    std::string message = TRY(read_message(arguments));
    std::string name = TRY(project_name(arguments));
    deploy::Release release =
        TRY(release_there(invocation.paths, name, join(arguments.words(), " --scale ")));
    LoadedProject project =
        TRY_IN(load_release(release), "release " + std::to_string(release.number));
    sys::SignalQueue signals = TRY(sys::SignalQueue::open({SIGINT, SIGTERM, SIGHUP}));
    UpRequest request = request_for(release, project, wanted);
    request.selection.dependencies = !arguments.on("no-deps");
    request.options.waits = request.selection.dependencies;
    request.stop_seconds = seconds;
    request.what = "scale " + join(arguments.words(), " ");
    request.message = message;
    request.locked = read_locked(arguments);
    request.waits = arguments.on("wait");
    TRY(change(invocation, request, signals.fd()));
    return 0;
}

}  // namespace

constinit const Verb kScale = {
    .name = "scale",
    .summary = "have more or fewer containers of a compose project's services",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "SERVICE=NUMBER..."},
    .examples = kExamples,
    .engine_failure = 1,
    .rights = Rights::ids,
    .perform = perform,
};

}  // namespace crank::cli
