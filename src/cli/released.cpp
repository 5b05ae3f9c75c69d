#include "cli/released.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "base/units.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "deploy/cached.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "deploy/surroundings.h"
#include "deploy/watch.h"
#include "engine/local/prepare.h"
#include "runtime/cgroup.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/poll.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

// The file of a release, in the place of those that the project has now.
class ReleasedFile : public compose::Files {
public:
    ReleasedFile(std::string path, const std::string& text) : path_(std::move(path)), text_(text) {}
    Result<std::string> read(const std::string& path) override {
        if (path == path_) return text_;
        return fail(Code::not_found, path + ": a release is in one file");
    }
    bool exists(const std::string& path) override { return path == path_; }

private:
    std::string path_;
    const std::string& text_;
};

}  // namespace

std::vector<std::string> again(const engine::Paths& paths, std::vector<std::string> words) {
    std::vector<std::string> all = {"crank",     "--root",   paths.root,  "--state",
                                    paths.state, "--config", paths.config};
    std::ranges::move(words, std::back_inserter(all));
    return all;
}

Result<std::optional<std::int64_t>> read_release(const Arguments& arguments, std::size_t at) {
    if (at >= arguments.words().size()) return std::nullopt;
    const std::string& text = arguments.words()[at];
    auto number = parse_int(text);
    if (!number || *number <= 0)
        return fail(Error(Code::usage, "\"" + text + "\" is no release: a number is wanted")
                        .with_hint("crank releases lists them"));
    return number;
}

Result<LoadedProject> load_release(const deploy::Release& release) {
    std::string path = release.directory + "/release-" + std::to_string(release.number);
    ReleasedFile file(path, release.file);
    compose::LoadOptions options{.files = {path},
                                 .directory = release.directory,
                                 .name = release.project,
                                 .profiles = release.profiles};
    for (const auto& [name, value] : release.environment) options.environment[name] = value;
    compose::Diagnostics diagnostics;
    // Its warnings were told when it was made.
    compose::Project model = TRY(compose::load(options, file, diagnostics));
    compose::TypedProject types = TRY(compose::typed(model, diagnostics, deploy::look_around()));
    return LoadedProject{std::move(model), std::move(types), release.config_files};
}

UpRequest request_for(const deploy::Release& release, const LoadedProject& project) {
    UpRequest request{.project = project,
                      .options = {.images = {deploy::Images::ready}},
                      .same_as = release.same_as != 0 ? release.same_as : release.number};
    for (const deploy::ReleasedService& service : release.services) {
        request.selection.services.push_back(service.name);
        request.selection.replicas[service.name] = service.replicas;
        request.images[service.name] = service.image_id;
        for (const auto& [name, id] : service.step_images)
            request.images[deploy::step_image_key(service.name, name)] = id;
    }
    return request;
}

namespace {

// What became of it goes back where it fails; of a rollback rollback_config may say that it stays.
bool goes_back(const compose::Service& service, bool is_rollback) {
    bool said = service.rollback.on_failure != compose::Service::Change::OnFailure::unsaid;
    return service.worker.rollout.revert && !(is_rollback && said);
}

// Back to the last release that ended well, for the services of which containers were replaced.
Result<> undo_change(Invocation& invocation, const UpRequest& failed,
                     const std::set<std::string>& replaced, int cancel_fd) {
    const LoadedProject& project = failed.project;
    for (const compose::Service& service : project.types.services)
        if (!goes_back(service, failed.options.back)) return {};
    std::vector<deploy::Release> releases =
        TRY(deploy::list_releases(invocation.paths, project.types.name));
    const deploy::Release* release = deploy::present_release(releases);
    if (release == nullptr) return {};
    LoadedProject before =
        TRY_IN(load_release(*release), "release " + std::to_string(release->number));
    UpRequest request = request_for(*release, before);
    std::erase_if(request.selection.services,
                  [&](const std::string& name) { return !replaced.contains(name); });
    if (request.selection.services.empty()) return {};
    request.selection.dependencies = false;
    request.options.back = true;
    request.kept = false;
    request.what = "back to release " + std::to_string(release->number);
    // It was begun before anybody locked it.
    request.locked = Locked::beyond;
    if (!TRY(has_anything_to_do(invocation, request))) return {};
    note(request.what);
    TRY(bring_up(invocation, request, cancel_fd));
    return {};
}

}  // namespace

Result<deploy::Desired> change(Invocation& invocation, UpRequest request, int cancel_fd) {
    std::set<std::string> replaced;
    request.replaced = &replaced;
    Result<deploy::Desired> changed = bring_up(invocation, request, cancel_fd);
    // What somebody interrupts stays as it is, for the next command.
    if (changed || changed.error().code() == Code::cancelled || !request.options.starts)
        return changed;
    Result<> undone = undo_change(invocation, request, replaced, cancel_fd);
    if (!undone) return fail(std::move(changed.error()).with_cleanup(undone.error()));
    return changed;
}

Result<> roll_back(Invocation& invocation, const deploy::Release& release, const RollBack& how,
                   int cancel_fd) {
    LoadedProject project =
        TRY_IN(load_release(release), "release " + std::to_string(release.number));
    UpRequest request = request_for(release, project);
    request.stop_seconds = how.stop_seconds;
    request.what =
        "rollback to " + std::to_string(release.number) + (how.why.empty() ? "" : ": " + how.why);
    request.message = how.message;
    request.locked = how.locked;
    request.waits = how.waits;
    request.unless_down = how.unless_down;
    request.options.back = true;
    note("rollback of " + release.project + " to release " + std::to_string(release.number) +
         ", made " + age_text(release.at_ns) + " ago");
    TRY(change(invocation, request, cancel_fd));
    return {};
}

namespace {

// Another crank that outlives this one, with the project's gateway; its output is the file `name`.
Result<> begin_beside(const engine::Paths& paths, const std::string& project,
                      const std::string& name, std::vector<std::string> words) {
    std::string dir = paths.gateway(project);
    TRY(sys::make_dirs(dir, 0700));
    sys::UniqueFd null = TRY(sys::open("/dev/null", sys::kReadWrite));
    sys::UniqueFd log =
        TRY(sys::open(dir + "/" + name, sys::kWriteOnly | sys::kCreate | sys::kTruncate, 0600));
    sys::SpawnRequest request{.path = "/proc/self/exe",
                              .args = again(paths, std::move(words)),
                              .env = sys::environment(),
                              .working_dir = "/",
                              .new_session = true};
    request.fds = {{null.get(), 0}, {log.get(), 1}, {log.get(), 2}};
    sys::Child child = TRY(sys::spawn(request));
    TRY(runtime::put_among_monitors(child.pid(), TRY(engine::local::host_for_containers())));
    child.release();
    return {};
}

}  // namespace

Result<> begin_watch(const Invocation& invocation, const LoadedProject& project) {
    std::chrono::nanoseconds longest{0};
    for (const compose::Service& service : project.types.services)
        longest = std::max(longest, service.worker.rollout.watch);
    if (longest.count() == 0) return {};
    TRY(begin_beside(invocation.paths, project.types.name, "watch",
                     {"reconcile", "--watch", format_duration(longest), project.types.name}));
    note("watched for " + format_duration(longest) +
         ": where a container fails the release before comes back");
    return {};
}

Result<> begin_cooling(const Invocation& invocation, const std::string& project) {
    bool some = !deploy::list_cached(invocation.paths, project).empty() ||
                !TRY(deploy::observe(invocation.paths, project)).warm.empty();
    if (!some) return {};
    return begin_beside(invocation.paths, project, "cool", {"reconcile", "--cool", project});
}

namespace {

// True: there is nothing more to watch.
struct Watched {
    std::int64_t release = 0;
    deploy::WatchedFrom before;
    deploy::Shares shares;  // as its update_config says
};

Result<bool> look_once(Invocation& invocation, const std::string& project, const Watched& watched,
                       int cancel_fd) {
    std::vector<deploy::Release> releases = TRY(deploy::list_releases(invocation.paths, project));
    // Another command has changed the project: what it made is not this one's to judge.
    bool other = releases.empty() || releases.back().number != watched.release ||
                 deploy::Records(invocation.paths, project).is_down();
    if (other) return true;
    deploy::Sight sight = TRY(deploy::observe(invocation.paths, project));
    std::string why = deploy::trouble(sight.containers, watched.before, watched.shares);
    if (why.empty()) return false;
    note(why);
    deploy::Release release = TRY(deploy::choose_release(releases, std::nullopt));
    // It belongs to the change that it watches, and whoever locks a project wants it well.
    TRY(roll_back(invocation, release, {.why = why, .unless_down = true, .locked = Locked::beyond},
                  cancel_fd));
    return true;
}

}  // namespace

Result<> watch(Invocation& invocation, const std::string& project, std::chrono::nanoseconds time,
               int cancel_fd) {
    constexpr std::chrono::milliseconds kLookAgain(250);
    auto end = std::chrono::steady_clock::now() + time;
    std::vector<deploy::Release> releases = TRY(deploy::list_releases(invocation.paths, project));
    if (releases.empty())
        return fail(Code::not_found, "project " + project + " has no release to watch");
    Watched watched{
        .release = releases.back().number,
        .before = deploy::watched_from(TRY(deploy::observe(invocation.paths, project)).containers),
        .shares = {}};
    for (const compose::Service& service : TRY(load_release(releases.back())).types.services)
        watched.shares[service.name] = service.update.max_failure_ratio;
    while (std::chrono::steady_clock::now() < end) {
        Result<bool> over = look_once(invocation, project, watched, cancel_fd);
        // Another command has its hand on the project: what it does shows at the next look.
        bool later = !over && over.error().code() == Code::in_use;
        if (!over && !later) return fail(std::move(over.error()));
        if (over && *over) return {};
        std::array entries = {sys::PollEntry{.fd = cancel_fd, .want_read = true}};
        if (TRY(sys::poll(entries, kLookAgain)) && entries[0].readable) return {};
    }
    return {};
}

}  // namespace crank::cli
