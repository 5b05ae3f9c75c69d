#include "cli/dev_changes.h"

#include <array>

#include "base/text.h"
#include "cli/output.h"
#include "cli/released.h"
#include "cli/storage_limit.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "deploy/releases.h"
#include "deploy/service_hooks.h"
#include "engine/files/sync.h"
#include "store/store.h"
#include "sys/poll.h"

namespace crank::cli {
namespace {

constexpr std::string_view kGoesOn = "what ran before goes on; the next save tries again";

// "312 ms after the save"
std::string since(Burst::Time save) {
    auto time =
        std::chrono::round<std::chrono::milliseconds>(std::chrono::steady_clock::now() - save);
    return std::to_string(time.count()) + " ms after the save";
}

std::string listed(const std::set<std::string>& names) {
    return join(std::vector<std::string>(names.begin(), names.end()), ", ");
}

// As many of each as there are: `crank scale` is somebody's word, too. Nothing of those of which
// there is none.
std::map<std::string, std::int64_t> numbers_of(const deploy::Sight& sight,
                                               const std::set<std::string>& services) {
    std::map<std::string, std::set<std::int64_t>> numbers;
    for (const deploy::ObservedContainer& container : sight.observed.containers)
        if (services.contains(container.service))
            numbers[container.service].insert(container.number);
    std::map<std::string, std::int64_t> replicas;
    for (const auto& [service, taken] : numbers) replicas[service] = std::ssize(taken);
    return replicas;
}

std::set<std::string> images_of(const deploy::Sight& sight, const LoadedProject& project,
                                const std::set<std::string>& services) {
    std::set<std::string> images;
    for (const deploy::ObservedContainer& container : sight.observed.containers) {
        const compose::Service* service = project.types.find(container.service);
        bool built = service != nullptr && service->build && !container.native;
        if (built && services.contains(container.service)) images.insert(container.image_id);
    }
    return images;
}

// How long a command may take, as hooks.
std::chrono::milliseconds budget_of(const compose::Service& service) {
    constexpr std::chrono::seconds kUsual(120);
    if (service.worker.rollout.timeout.count() == 0) return kUsual;
    return std::chrono::ceil<std::chrono::milliseconds>(service.worker.rollout.timeout);
}

std::string counted(const engine::files::Synced& synced) {
    auto files = [](std::size_t number) {
        return std::to_string(number) + (number == 1 ? " file" : " files");
    };
    std::string text = files(synced.copied) + " copied";
    return synced.removed == 0 ? text : text + ", " + files(synced.removed) + " removed";
}

}  // namespace

bool DevChanges::said(const Result<>& done, const std::string& consequence) const {
    if (done) return true;
    // Who interrupts knows it.
    if (done.error().code() == Code::cancelled) return false;
    report("dev", done.error(), invocation_.debug);
    note(consequence);
    return false;
}

UpRequest DevChanges::up_request(const LoadedProject& project) const {
    UpRequest request{
        .project = project,
        .selection = {.services = request_.services, .dependencies = request_.dependencies},
        .options = {.images = {deploy::Images::usual, deploy::Images::build}},
        .stop_seconds = request_.stop_seconds,
        .development = true};
    request.options.waits = request_.dependencies;
    return request;
}

Result<> DevChanges::begin(const LoadedProject& project) {
    UpRequest request = up_request(project);
    std::vector<deploy::Release> releases =
        TRY(deploy::list_releases(invocation_.paths, project.types.name));
    // What development went on with last is no beginning.
    bool again = !releases.empty() && deploy::is_development(releases.back());
    request.what = again ? std::string(deploy::kDevelopmentChange) + "begun again"
                         : std::string(deploy::kDevelopment);
    request.waits = true;
    TRY(change(invocation_, request, cancel_fd_));
    return {};
}

Result<bool> DevChanges::wait_for_turn(const std::string& project) const {
    constexpr std::chrono::milliseconds kLookAgain(100);
    deploy::Records records(invocation_.paths, project);
    for (bool told = false;; told = true) {
        Result<sys::UniqueFd> lock = records.lock();
        if (lock && records.is_down()) {
            note("project " + project + " is down: nothing is done (crank up -d)");
            return false;
        }
        if (lock) return true;
        if (lock.error().code() != Code::in_use) return fail(std::move(lock).error());
        if (!told) note("another command changes project " + project + ": it is waited for");
        std::array entries = {sys::PollEntry{.fd = cancel_fd_, .want_read = true}};
        if (TRY(sys::poll(entries, kLookAgain)) && entries[0].readable)
            return fail(Code::cancelled, "interrupted");
    }
}

Result<> DevChanges::change_project(UpRequest request, const Save& save) {
    bool switched = false;
    request.what = std::string(deploy::kDevelopmentChange) + save.what;
    request.unless_down = true;
    request.keeps_failures = false;
    request.quiet = true;
    request.switched = [&](const deploy::Step& step) {
        note(step.object + ": switched, " + since(save.at));
        switched = true;
    };
    TRY(change(invocation_, request, cancel_fd_));
    if (!switched) note(join(request.selection.services, ", ") + ": as before: nothing to switch");
    return {};
}

Result<> DevChanges::rebuild(const LoadedProject& project, const std::set<std::string>& services,
                             const Save& save) {
    note(save.what + ": rebuilding " + listed(services));
    if (!TRY(wait_for_turn(project.types.name))) return {};
    deploy::Sight sight = TRY(deploy::observe(invocation_.paths, project.types.name));
    UpRequest request = up_request(project);
    request.selection = {.services = {services.begin(), services.end()},
                         .dependencies = false,
                         .replicas = numbers_of(sight, services)};
    // Who starts nothing does not start these either.
    if (!request_.starts)
        for (const std::string& service : services)
            request.selection.replicas.try_emplace(service, 0);
    request.options.waits = false;
    TRY(change_project(request, save));
    prune(images_of(sight, project, services));
    return {};
}

void DevChanges::begin_again(const LoadedProject& project, const Save& save) {
    note(save.what + ": read again");
    auto again = [&]() -> Result<> {
        if (!TRY(wait_for_turn(project.types.name))) return {};
        UpRequest request = up_request(project);
        request.waits = true;
        return change_project(request, save);
    };
    said(again(), std::string(kGoesOn));
}

// Those that nothing needs by now, and that nobody has named. Best effort: `crank prune` finds
// them.
void DevChanges::prune(const std::set<std::string>& images) {
    if (!request_.prunes || images.empty()) return;
    Result<std::set<std::string>> used = images_in_use(invocation_.paths);
    if (!used) return;
    Result<store::Store> store =
        store::Store::open(invocation_.paths.root, store::OpenMode::read_write);
    if (!store) return;
    for (const std::string& id : images) {
        if (used->contains(id)) continue;
        Result<store::Image> image = store->find(id);
        if (image && image->tags.empty()) (void)store->remove(id);
    }
}

Result<> DevChanges::copy(const LoadedProject& project, const std::string& service,
                          const std::set<CopiedPath>& paths, const std::optional<Save>& save) {
    std::vector<engine::files::SyncedPath> synced;
    for (const CopiedPath& path : paths) synced.push_back({path.from, path.to});
    deploy::Sight sight = TRY(deploy::observe(invocation_.paths, project.types.name));
    for (std::size_t i = 0; i < sight.containers.size(); i++) {
        const deploy::ObservedContainer& container = sight.observed.containers[i];
        if (container.service != service) continue;
        engine::files::Synced done =
            TRY_IN(engine::files::sync(invocation_.paths, sight.containers[i], synced),
                   "container " + container.name);
        note((save ? save->what + ": " : "") + container.name + ": " + counted(done) +
             (save ? ", " + since(save->at) : ""));
    }
    return {};
}

Result<> DevChanges::copy_all(const LoadedProject& project, const WatchedProject& watched,
                              const std::set<std::string>& services) {
    for (const std::string& service : services) {
        std::set<CopiedPath> paths;
        for (const WatchedPath& one : watched.paths) {
            if (one.service != service || !one.initial_sync || !copies(one.action)) continue;
            Reactions reactions = reactions_to({&one, 1}, TRY(files_of(one)));
            paths.merge(reactions[service].copies);
        }
        if (!paths.empty()) TRY(copy(project, service, paths, std::nullopt));
    }
    return {};
}

Result<> DevChanges::restart(const LoadedProject& project, const std::set<std::string>& services,
                             const Save& save) {
    if (!TRY(wait_for_turn(project.types.name))) return {};
    TRY(restart_services(
        invocation_,
        {.project = project, .services = services, .stop_seconds = request_.stop_seconds},
        cancel_fd_));
    note(save.what + ": " + listed(services) + " started again, " + since(save.at));
    return {};
}

Result<> DevChanges::run(const LoadedProject& project, const std::string& service,
                         const std::set<std::size_t>& rules) {
    const compose::Service& type = *project.types.find(service);
    deploy::Sight sight = TRY(deploy::observe(invocation_.paths, project.types.name));
    for (std::size_t i = 0; i < sight.containers.size(); i++) {
        const deploy::ObservedContainer& container = sight.observed.containers[i];
        bool runs = container.state == deploy::ObservedContainer::State::running;
        if (container.service != service || !runs) continue;
        for (std::size_t rule : rules) {
            const compose::Hook& hook = type.watch[rule].exec;
            TRY_IN(deploy::run_hook(invocation_.paths, sight.containers[i], hook, budget_of(type),
                                    cancel_fd_),
                   "container " + container.name);
            note(container.name + ": '" + join(hook.command, " ") + "' was run");
        }
    }
    return {};
}

void DevChanges::act(const LoadedProject& project, const WatchedProject& watched,
                     const Reactions& reactions, const Save& save) {
    std::set<std::string> rebuilt, restarted;
    for (const auto& [service, reaction] : reactions) {
        if (reaction.rebuild) rebuilt.insert(service);
        if (reaction.restart && !reaction.rebuild) restarted.insert(service);
    }
    rebuilt = with_dependents(project.types, std::move(rebuilt), watched.selected);
    if (!rebuilt.empty() && said(rebuild(project, rebuilt, save), std::string(kGoesOn)))
        // A new container has what its image has.
        said(copy_all(project, watched, rebuilt), "not all was copied");
    // First the files, for whoever reads them at its start.
    for (const auto& [service, reaction] : reactions)
        if (!reaction.copies.empty() &&
            !said(copy(project, service, reaction.copies, save), "not all was copied"))
            restarted.erase(service);
    std::erase_if(restarted, [&](const std::string& service) { return rebuilt.contains(service); });
    if (!restarted.empty()) said(restart(project, restarted, save), std::string(kGoesOn));
    for (const auto& [service, reaction] : reactions)
        if (!reaction.commands.empty())
            said(run(project, service, reaction.commands), "the next save tries again");
}

}  // namespace crank::cli
