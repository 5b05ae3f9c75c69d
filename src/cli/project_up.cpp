#include "cli/project_up.h"

#include <algorithm>

#include "base/text.h"
#include "cli/audited.h"
#include "cli/compose_files.h"
#include "cli/environment.h"
#include "cli/network.h"
#include "cli/output.h"
#include "cli/performer.h"
#include "cli/released.h"
#include "deploy/certificates.h"
#include "deploy/kept_logs.h"
#include "deploy/observe.h"
#include "deploy/proof.h"
#include "deploy/records.h"
#include "deploy/releases.h"
#include "engine/local/prepare.h"
#include "engine/rootless.h"
#include "sys/system.h"

namespace crank::cli {
namespace {

bool is_image_step(const deploy::Step& step) {
    using deploy::Action;
    return step.action == Action::build || step.action == Action::pull ||
           step.action == Action::prepare;
}

bool replaces(const deploy::Step& step) {
    using deploy::Action;
    return step.action == Action::recreate || step.action == Action::finish ||
           step.action == Action::remove || step.action == Action::unpublish;
}

class BringingUp {
public:
    BringingUp(Invocation& invocation, const UpRequest& request, const engine::Config& config,
               deploy::Desired& desired, Audited& audited)
        : invocation_(invocation),
          request_(request),
          config_(config),
          desired_(desired),
          audited_(audited) {}

    Result<> run(const deploy::World& world, const deploy::Records& records) {
        Result<> done = carry_out(world);
        if (done && request_.waits) done = wait(world);
        if (changed_ && request_.kept && (done || request_.keeps_failures)) keep(done);
        if (done) records.note_up();
        if (done) renew_certificates();
        // What nobody changed leaves nothing behind.
        if (done && changed_) done = deploy::tidy(invocation_.paths, desired_.project);
        if (done && changed_ && request_.watches)
            if (Result<> begun = begin_watch(invocation_, request_.project); !begun)
                warn("the change is not watched: " + begun.error().text());
        if (changed_)
            if (Result<> begun = begin_cooling(invocation_, desired_.project); !begun)
                warn("what was kept frozen stays until the next change: " + begun.error().text());
        return done;
    }

private:
    Result<> wait(const deploy::World& world) const {
        deploy::Deadline deadline;
        if (request_.deadline) deadline = std::chrono::steady_clock::now() + *request_.deadline;
        Result<> ready = deploy::wait_ready(world, request_.deadline);
        if (ready) ready = deploy::wait_answering(world, deadline);
        // Who ends development has had his change.
        bool ended = !ready && ready.error().code() == Code::cancelled && request_.development;
        return ended ? Result<>() : ready;
    }

    Result<deploy::Sight> look(const deploy::World& world) const {
        deploy::Sight sight = TRY(deploy::observe(world.paths, desired_.project));
        if (!TRY(deploy::end_stopping(world, sight.containers))) return sight;
        return deploy::observe(world.paths, desired_.project);
    }

    // Images first: which containers are to be made again depends on them.
    Result<> carry_out(const deploy::World& world) {
        deploy::PlanOptions options = request_.options;
        deploy::Sight sight = TRY(look(world));
        deploy::Plan plan = TRY(plan_for(invocation_, config_, desired_, options, sight.observed));
        if (request_.planned != nullptr) TRY(deploy::check_same(*request_.planned, plan));
        tell_plan(plan);
        changed_ = plan.changes();
        begun_ns_ = sys::wall_clock_ns();
        if (changed_) audited_.begin();
        deploy::Plan images;
        for (const deploy::Step& step : plan.steps)
            if (is_image_step(step)) images.steps.push_back(step);
        if (!images.steps.empty()) {
            TRY(deploy::apply(world, images));
            options.images = {deploy::Images::ready};
            plan = TRY(plan_now(invocation_, config_, desired_, options));
            // What was built or pulled may be what was here.
            changed_ = plan.changes();
        }
        return deploy::apply(world, plan);
    }

    // What runs goes on with what it has; there is time until the next command.
    void renew_certificates() const {
        auto renewed = deploy::Certificates(invocation_.paths, desired_.project, "").renew();
        if (!renewed) return warn(renewed.error().text());
        for (const std::string& service : *renewed) note("Certificate of " + service + "  Renewed");
    }

    // That it cannot be written changes nothing of what was done.
    void keep(const Result<>& done) {
        const LoadedProject& project = request_.project;
        Result<deploy::Sight> sight = deploy::observe(invocation_.paths, desired_.project);
        if (!sight) return warn("no release was written: " + sight.error().text());
        // What the release says is there is there after a power cut, too.
        for (const engine::Container& container : sight->containers)
            (void)engine::sync_record(invocation_.paths, container.record.id);
        deploy::Release release = deploy::release_of(project.model, project.types, desired_,
                                                     sight->observed, project.files);
        // Made by it, and gone again.
        for (const deploy::KeptLog& log : deploy::kept_logs(invocation_.paths, desired_.project))
            if (log.created_ns >= begun_ns_) release.containers.push_back(log.id);
        release.at_ns = sys::wall_clock_ns();
        release.by = deploy::shown(performer());
        release.what = request_.what;
        release.message = request_.message;
        release.same_as = request_.same_as;
        if (!done) release.error = done.error().text();
        auto kept = deploy::keep_release(invocation_.paths, std::move(release));
        if (!kept) warn("no release was written: " + kept.error().text());
    }

    Invocation& invocation_;
    const UpRequest& request_;
    const engine::Config& config_;
    deploy::Desired& desired_;
    Audited& audited_;
    bool changed_ = false;
    std::int64_t begun_ns_ = 0;
};

Result<deploy::Desired> desired_by(const UpRequest& request) {
    const LoadedProject& project = request.project;
    deploy::Desired desired =
        TRY(deploy::desired_of(project.model, project.types, request.selection));
    pin(request.images, desired);
    if (!request.development) return desired;
    for (deploy::DesiredService& service : desired.services) {
        service.canary.reset();
        service.keep_warm = 0;
    }
    return desired;
}

// Where nobody can start containers native workers go on; who wants one hears why it cannot be
// before anything is begun.
Result<> check_containers(const engine::Paths& paths, const deploy::Desired& desired) {
    bool all_native = std::ranges::all_of(desired.services, &deploy::DesiredService::native);
    if (all_native || engine::local::host_for_containers()) return {};
    TRY(engine::enter_user_namespace(paths));
    return {};
}

}  // namespace

Result<bool> has_anything_to_do(const Invocation& invocation, const UpRequest& request) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    deploy::Desired desired = TRY(desired_by(request));
    return TRY(plan_now(invocation, config, desired, request.options)).changes();
}

Result<deploy::Desired> bring_up(Invocation& invocation, const UpRequest& request, int cancel_fd) {
    const LoadedProject& project = request.project;
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    deploy::Desired desired = TRY(desired_by(request));
    TRY(check_containers(invocation.paths, desired));
    NetworkHome home = TRY(network_home(invocation.paths));
    deploy::World world{.paths = invocation.paths,
                        .config = config,
                        .home = home.fd(),
                        .project = project.types,
                        .desired = desired,
                        .config_files = project.files,
                        .hooks = make_hooks(invocation, config, project, cancel_fd, request.quiet),
                        .starts = request.options.starts,
                        .stop_seconds = request.stop_seconds,
                        .cancel_fd = cancel_fd};
    if (request.switched) {
        // Once what comes goes to the new one, the old one's end is all that is left of the step.
        world.hooks.switched = [&world, &request](const deploy::Step& step) {
            request.switched(step);
            world.cancel_fd = -1;
        };
        world.hooks.done = [done = world.hooks.done, &world, cancel_fd](const deploy::Step& step) {
            world.cancel_fd = cancel_fd;
            done(step);
        };
    }
    deploy::Records records(invocation.paths, project.types.name);
    if (request.replaced != nullptr)
        world.hooks.done = [done = world.hooks.done, &request](const deploy::Step& step) {
            if (replaces(step)) request.replaced->insert(step.service);
            done(step);
        };
    sys::UniqueFd lock = TRY(records.lock());
    if (request.unless_down && records.is_down()) return desired;
    Audited audited(invocation.paths, project.types.name, request.what, request.message);
    Result<> done = heed_lock(invocation.paths, project.types.name, request.locked);
    if (done) done = BringingUp(invocation, request, config, desired, audited).run(world, records);
    audited.end(done);
    if (!done) return fail(std::move(done.error()));
    return desired;
}

namespace {

deploy::Plan restarts(const deploy::Sight& sight, const std::set<std::string>& services) {
    deploy::Plan plan;
    for (std::size_t i = 0; i < sight.containers.size(); i++) {
        const deploy::ObservedContainer& container = sight.observed.containers[i];
        bool runs = container.state == deploy::ObservedContainer::State::running;
        if (runs && services.contains(container.service))
            plan.steps.push_back({.action = deploy::Action::restart,
                                  .object = container.name,
                                  .service = container.service,
                                  .container = container.id,
                                  .number = container.number});
    }
    return plan;
}

}  // namespace

Result<> restart_services(Invocation& invocation, const RestartRequest& request, int cancel_fd) {
    const LoadedProject& project = request.project;
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    deploy::Desired desired = TRY(deploy::desired_of(project.model, project.types, {}));
    NetworkHome home = TRY(network_home(invocation.paths));
    deploy::World world{.paths = invocation.paths,
                        .config = config,
                        .home = home.fd(),
                        .project = project.types,
                        .desired = desired,
                        .config_files = project.files,
                        .hooks = make_hooks(invocation, config, project, cancel_fd, true),
                        .stop_seconds = request.stop_seconds,
                        .cancel_fd = cancel_fd};
    sys::UniqueFd lock = TRY(deploy::Records(invocation.paths, project.types.name).lock());
    deploy::Sight sight = TRY(deploy::observe(invocation.paths, project.types.name));
    return deploy::apply(world, restarts(sight, request.services));
}

Result<std::optional<std::chrono::seconds>> read_wait_timeout(const Arguments& arguments) {
    constexpr std::int64_t kMostSeconds = 1'000'000;
    auto text = arguments.find("wait-timeout");
    if (!text) return std::nullopt;
    auto seconds = parse_int(*text);
    if (!seconds || *seconds <= 0 || *seconds > kMostSeconds)
        return fail(Code::usage, "--wait-timeout: invalid number of seconds \"" + *text + "\"");
    return std::chrono::seconds(*seconds);
}

Result<std::string> project_name(const Arguments& arguments) {
    if (auto given = arguments.find("project-name")) return compose::check_project_name(*given);
    compose::LoadOptions options = TRY(find_compose_files(arguments));
    // What else it needs may be gone.
    options.resolve_environment = false;
    ProjectFiles files;
    compose::Diagnostics diagnostics;
    return TRY(compose::load(options, files, diagnostics)).name;
}

}  // namespace crank::cli
