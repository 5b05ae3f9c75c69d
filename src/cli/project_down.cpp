#include "cli/project_down.h"

#include "cli/audited.h"
#include "cli/network.h"
#include "cli/output.h"
#include "deploy/observe.h"
#include "deploy/records.h"
#include "deploy/releases.h"

namespace crank::cli {

namespace {

Result<> carry_out(Invocation& invocation, const DownRequest& request, int cancel_fd,
                   const deploy::Records& records, Audited& audited) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    const std::string& name = request.desired.project;
    TRY(heed_lock(invocation.paths, name, request.locked));
    LoadedProject project;
    project.types.name = name;
    NetworkHome home = TRY(network_home(invocation.paths));
    // First: a later reconcile ends what a kill cuts short.
    TRY(records.note_down());
    deploy::Sight sight = TRY(deploy::observe(invocation.paths, name));
    deploy::Plan plan = TRY(deploy::plan_down(request.desired, sight.observed, request.options));
    tell_plan(plan);
    if (plan.steps.empty()) note("nothing of project " + name + " is there");
    auto releases = deploy::list_releases(invocation.paths, name);
    bool forgets = request.options.volumes && (!releases || !releases->empty());
    if (plan.changes() || forgets) audited.begin();
    deploy::World world{.paths = invocation.paths,
                        .config = config,
                        .home = home.fd(),
                        .project = project.types,
                        .desired = request.desired,
                        .hooks = make_hooks(invocation, config, project, cancel_fd),
                        .stop_seconds = request.stop_seconds,
                        .anonymous_volumes = request.options.volumes,
                        .cancel_fd = cancel_fd};
    TRY(deploy::apply(world, plan));
    TRY(deploy::tidy(invocation.paths, name));
    bool empty = TRY(deploy::observe(invocation.paths, name)).containers.empty();
    if (request.options.volumes && empty) records.forget();
    return {};
}

}  // namespace

Result<> take_down(Invocation& invocation, const DownRequest& request, int cancel_fd) {
    const std::string& name = request.desired.project;
    deploy::Records records(invocation.paths, name);
    sys::UniqueFd lock = TRY(records.lock());
    Audited audited(invocation.paths, name, request.what, request.message);
    audited.takes_down();
    audited.look();  // before it is noted that no release is to be there
    Result<> done = carry_out(invocation, request, cancel_fd, records, audited);
    audited.end(done);
    return done;
}

}  // namespace crank::cli
