#include "engine/local/launch.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/egress.h"
#include "engine/restart_command.h"
#include "engine/rootless.h"
#include "engine/sweep.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/launch_hooks.h"
#include "sys/file.h"
#include "sys/stdin_pipe.h"
#include "sys/user_namespace.h"

namespace crank::engine::local {
namespace {

// The specification has no timeout of its own, and a hook that hangs would hold up the start for
// ever.
Result<> bound_hooks(oci::Hooks& hooks, const Config& config) {
    std::string text = config.text("hooks.timeout");
    auto seconds = parse_int(text);
    if (!seconds || *seconds < 1 || *seconds > 86400)
        return fail(Error(Code::invalid_argument, "hooks.timeout of the configuration: \"" + text +
                                                      "\" is no number of seconds from 1 to 86400")
                        .with_hint("crank config unset hooks.timeout"));
    for (auto* list : {&hooks.prestart, &hooks.create_runtime, &hooks.create_container,
                       &hooks.start_container, &hooks.poststart})
        for (oci::Hook& hook : *list)
            if (!hook.timeout) hook.timeout = static_cast<int>(*seconds);
    return {};
}

// What is not removed by the monitor is taken over by whoever comes upon it.
constexpr std::uint32_t kMostLinks = 4;

// Those that were made for this container, unless others have them by now.
Result<> remove_volumes_after(const Paths& paths, const Record& record,
                              std::vector<runtime::AfterExit>& after) {
    using Kind = runtime::AfterExit::Kind;
    constexpr std::ptrdiff_t kMost = 16;  // the monitor's list is bounded
    if (std::ranges::count_if(record.mounts, &MountRecord::anonymous) > kMost)
        return fail(Error(Code::exhausted, "--rm with more than 16 anonymous volumes")
                        .with_hint("give them names: -v NAME:PATH"));
    for (const MountRecord& mount : record.mounts) {
        if (!mount.anonymous) continue;
        after.push_back({Kind::remove_unused_volume, paths.volume(mount.volume)});
    }
    return {};
}

void set_log_limits(const Settings& settings, runtime::LogOptions& log) {
    if (settings.log_max_size != 0)
        log.max_bytes = static_cast<std::uint64_t>(settings.log_max_size);
    if (settings.log_max_files != 0)
        log.max_files = static_cast<std::uint32_t>(settings.log_max_files);
}

Result<runtime::Options> runtime_options(const StartRequest& request, const Record& record,
                                         const NetworkPlan& network) {
    const Paths& paths = request.paths;
    runtime::Options options;
    options.init = record.init;
    options.gate = network.attachment.has_value();
    options.timings = request.timings;
    options.state_dir = paths.monitor(record.id);
    options.default_seccomp = !is_unfiltered(record.settings);
    options.log.path = paths.container(record.id) + "/log";
    set_log_limits(record.settings, options.log);
    options.ports = network.targets;
    options.mount_point = paths.mount_point();
    options.confinement = confinement_of(record);
    options.restart = restart_of(paths, record, request.last_delay_ms);
    using Kind = runtime::AfterExit::Kind;
    if (network.attachment)
        options.after_exit.push_back({Kind::unlink, network.attachment->lease_path});
    if (record.remove) {
        TRY(remove_volumes_after(paths, record, options.after_exit));
        if (record.ids && record.ids->blocks <= kMostLinks)
            for (std::uint32_t i = 0; i < record.ids->blocks; ++i)
                options.after_exit.push_back(
                    {Kind::unlink_own, ids::link_of(place_of(paths), record.ids->block + i)});
        options.after_exit.push_back({Kind::unlink_own, paths.name(record.name)});
        options.after_exit.push_back({Kind::remove_tree, paths.container(record.id)});
        options.after_exit.push_back({Kind::remove_tree, paths.monitor(record.id)});
    }
    return options;
}

struct Input {
    sys::UniqueFd read, write;
};

// The worker's standard input. Detached, it stays open without anybody writing, as with Docker.
Result<Input> make_input(const RunOptions& options) {
    if (!options.interactive || options.terminal) return Input{};
    if (options.detach) return Input{TRY(sys::open_silent_pipe()), {}};
    sys::Pipe pipe = TRY(sys::make_pipe());
    return Input{std::move(pipe.read), std::move(pipe.write)};
}

// Empty where the container has no hooks.
struct HookPlan {
    oci::RuntimeSpec spec;
    oci::ContainerState state;
};

// What hooks are told, and the configuration that they look for in the bundle. The root is mounted
// in the container's own mount namespace alone.
Result<HookPlan> plan_hooks(const StartRequest& request, const Record& record,
                            const oci::RuntimeSpec& spec) {
    HookPlan plan;
    if (!runtime::has_hooks(spec.hooks)) return plan;
    plan.spec = spec;
    TRY(bound_hooks(plan.spec.hooks, request.config));
    plan.state.id = record.id;
    plan.state.bundle = request.paths.monitor(record.id);
    plan.state.rootfs = plan.spec.root_path = request.paths.mount_point();
    plan.state.annotations = spec.annotations;
    TRY(sys::write_file_atomic(plan.state.bundle + "/config.json", oci::serialize(plan.spec), 0600,
                               sys::Sync::no));
    return plan;
}

// An error here drops the gate, and the child ends before the worker.
Result<> bring_up(runtime::Running& running, NetworkPlan& network, const sys::UniqueFd& ns,
                  const HookPlan& hooks, const runtime::HostFacts& host, Timeline& timeline) {
    TRY(runtime::run_create_hooks(running, hooks.spec.hooks, hooks.state, host));
    if (network.attachment) {
        // Beside the mounts.
        TRY(network::connect(network.bridge, *network.attachment, ns.get()));
        timeline.mark("network connected");
    }
    TRY(runtime::run_own_hooks(running, hooks.spec, hooks.state, host));
    if (network.attachment) TRY(running.open_gate());
    TRY(running.wait_started());
    TRY(runtime::run_poststart_hooks(running, hooks.spec.hooks, hooks.state));
    timeline.mark("worker started");
    return {};
}

// The network belongs to it, or its root could not set it up.
Result<> make_user_namespace(const StartRequest& request, const NetworkPlan& network,
                             runtime::LaunchRequest& launch) {
    const char* what = request.options.sandbox == Sandbox::strict && !request.options.userns
                           ? "--sandbox strict needs a user namespace"
                           : "--userns=auto";
    sys::IdMaps maps = runtime::id_maps(launch.spec);
    if (network.attachment) {
        auto made = TRY_IN(sys::create_user_namespace_with_network(maps), what);
        launch.user_namespace = std::move(made.user);
        launch.network_namespace = std::move(made.network);
    } else {
        launch.user_namespace = TRY_IN(sys::create_user_namespace(maps), what);
    }
    return {};
}

}  // namespace

FilesRequest own_files(const StartRequest& request, const NetworkPlan& network,
                       const Record& record) {
    return {.dir = request.paths.monitor(record.id),
            .hostname = record.hostname,
            .address = record.network.address,
            .network = request.options.network,
            .ids = record.ids ? std::optional(record.ids->range) : std::nullopt,
            .resolver = network.has_resolver ? std::string(kEgressResolver) : "",
            .gateway =
                request.options.network == NetworkMode::host ? "127.0.0.1" : record.network.gateway,
            .settings = record.settings};
}

Result<Started> launch(StartRequest& request, Prepared& prepared, Record record,
                       Connections connections, Timeline timeline, Undo& undo) {
    auto& [network, shared] = connections;
    Input input = TRY(make_input(request.options));
    runtime::LaunchRequest launch{
        .id = record.id,
        .spec = std::move(prepared.made.spec),
        .rootfs = std::move(prepared.rootfs),
        .options = TRY(runtime_options(request, record, network)),
        .io = {.stdin_read = std::move(input.read),
               .forward_stdout = request.forward_stdout,
               .forward_stderr = request.forward_stderr},
        .network_namespace = {},
        .held = std::move(prepared.image.pin.fd),
        .listeners = std::move(network.listeners),
    };
    name_shared(shared, launch.spec);
    HookPlan hooks = TRY(plan_hooks(request, record, launch.spec));
    if (network.made_namespace.valid())
        launch.network_namespace = TRY(network.made_namespace.get());
    if (shared.network) launch.network_namespace = std::move(shared.network);
    sys::UniqueFd ns;
    if (record.ids) TRY(make_user_namespace(request, network, launch));
    if (network.attachment) ns = TRY(sys::duplicate(launch.network_namespace.get()));
    if (auto kept = TRY(find_kept(request.paths))) launch.held_too = std::move(kept->lock);
    std::optional<runtime::Running> begun;
    // The monitor connects to the published ports from there.
    TRY(network::beside_bridge(network.bridge, [&]() -> Result<> {
        begun = TRY(runtime::launch(std::move(launch), prepared.host));
        return {};
    }));
    runtime::Running& running = *begun;
    timeline.mark("handed over to crank-shim");
    TRY(bring_up(running, network, ns, hooks, prepared.host, timeline));
    // From here on the monitor gives the lease back. Of a start that fails both do: the shim may
    // have ended before it could.
    undo.commit();
    return Started{std::move(record), std::move(running), std::move(input.write),
                   std::move(timeline)};
}

}  // namespace crank::engine::local
