#include "cli/project_down.h"

#include "cli/network.h"
#include "cli/output.h"
#include "deploy/observe.h"
#include "deploy/records.h"

namespace crank::cli {

Result<> take_down(Invocation& invocation, const DownRequest& request, int cancel_fd) {
    engine::Config config = TRY(engine::Config::load(invocation.paths.config));
    const std::string& name = request.desired.project;
    LoadedProject project;
    project.types.name = name;
    NetworkHome home = TRY(network_home(invocation.paths));
    deploy::Records records(invocation.paths, name);
    sys::UniqueFd lock = TRY(records.lock());
    // First: a later reconcile ends what a kill cuts short.
    TRY(records.note_down());
    deploy::Sight sight = TRY(deploy::observe(invocation.paths, name));
    deploy::Plan plan = TRY(deploy::plan_down(request.desired, sight.observed, request.options));
    tell_plan(plan);
    if (plan.steps.empty()) note("nothing of project " + name + " is there");
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

}  // namespace crank::cli
