#include "engine/local/launch.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/local/bundle.h"
#include "engine/local/own_way.h"
#include "engine/local/secrets.h"
#include "engine/other_runtime.h"
#include "engine/restart_command.h"
#include "engine/rootless.h"
#include "engine/sweep.h"
#include "network/resolver.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/launch_hooks.h"
#include "shim/wire.h"
#include "sys/file.h"
#include "sys/open_flags.h"
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
    options.gate = network.is_bridged();
    options.timings = request.timings;
    options.state_dir = paths.monitor(record.id);
    options.default_seccomp = !is_unfiltered(record.settings);
    if (record.settings.log_driver != kNoLog)
        options.log.path = paths.container(record.id) + "/log";
    set_log_limits(record.settings, options.log);
    options.ports = network.targets;
    options.mount_point = paths.mount_point();
    options.confinement = confinement_of(record);
    options.restart = restart_of(paths, record, request.last_delay_ms);
    options.health = health_schedule_of(paths, record);
    using Kind = runtime::AfterExit::Kind;
    // First, since whoever takes the address next has another's names otherwise. Networks may come
    // while it runs.
    options.after_exit.push_back(
        {Kind::unlink_listed, paths.monitor(record.id) + "/" + shim::kNetworksFile});
    if (network.is_bridged())
        options.after_exit.push_back({Kind::unlink_lease, record.network.lease_path});
    if (network.own) options.after_exit.push_back({Kind::remove_tree, way_of(paths, record.id)});
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
    sys::UniqueFd bundle;
};

// What hooks are told, and the configuration that they look for in the bundle. The root is mounted
// in the container's own mount namespace alone.
Result<HookPlan> plan_hooks(const StartRequest& request, const Record& record,
                            const oci::RuntimeSpec& spec) {
    HookPlan plan;
    // Another runtime calls those of its bundle by itself.
    if (!runtime::has_hooks(spec.hooks) || other::has(record)) return plan;
    plan.spec = spec;
    TRY(bound_hooks(plan.spec.hooks, request.config));
    plan.state.id = record.id;
    plan.state.bundle = request.paths.monitor(record.id);
    plan.state.rootfs = plan.spec.root_path = request.paths.mount_point();
    plan.state.annotations = spec.annotations;
    TRY(sys::write_file_atomic(plan.state.bundle + "/config.json", oci::serialize(plan.spec), 0600,
                               sys::Sync::no));
    plan.bundle = TRY(sys::open(plan.state.bundle, sys::kDirectory));
    return plan;
}

// An error here drops the gate, and the child ends before the worker.
Result<> bring_up(runtime::Running& running, NetworkPlan& network, const sys::UniqueFd& ns,
                  std::uint16_t resolver_port, const HookPlan& hooks,
                  const runtime::HostFacts& host, Timeline& timeline) {
    TRY(runtime::run_create_hooks(running, hooks.spec.hooks, hooks.state, host));
    // Beside the mounts.
    for (const networks::Endpoint& endpoint : network.endpoints)
        TRY(network::connect(endpoint.bridge, endpoint.attachment, ns.get()));
    if (resolver_port != 0) TRY(network::lead_to_resolver(ns.get(), resolver_port));
    if (network.is_bridged()) timeline.mark("network connected");
    TRY(runtime::run_own_hooks(running, hooks.spec, hooks.state, host));
    if (network.is_bridged()) TRY(running.open_gate());
    TRY(running.wait_started());
    TRY(runtime::run_poststart_hooks(running, hooks.spec.hooks, hooks.state, hooks.bundle.get()));
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
    if (network.is_bridged()) {
        auto made = TRY_IN(sys::create_user_namespace_with_network(maps), what);
        launch.user_namespace = std::move(made.user);
        launch.network_namespace = std::move(made.network);
    } else {
        launch.user_namespace = TRY_IN(sys::create_user_namespace(maps), what);
    }
    return {};
}

}  // namespace

namespace {

// On a network of one's own: what the monitor answers for, and where. Nothing (0) otherwise.
Result<std::uint16_t> open_names(const Paths& paths, const NetworkPlan& network, int ns,
                                 runtime::LaunchRequest& launch) {
    if (!network.answers_names) return std::uint16_t{0};
    network::ResolverSockets sockets = TRY(network::open_resolver(ns));
    launch.resolver = {.udp = std::move(sockets.udp), .tcp = std::move(sockets.tcp)};
    launch.options.name_servers = network.name_servers;
    TRY(networks::tell_monitor(paths, launch.id, told_of(network, sockets.port)));
    return sockets.port;
}

std::vector<std::string> more_addresses(const NetworkPlan& network) {
    std::vector<std::string> all = network.more_addresses;
    for (const networks::Endpoint& endpoint : network.endpoints) {
        if (&endpoint != &network.endpoints.front()) all.push_back(endpoint.attachment.address);
        if (!endpoint.attachment.address6.empty()) all.push_back(endpoint.attachment.address6);
    }
    return all;
}

}  // namespace

FilesRequest own_files(const StartRequest& request, const NetworkPlan& network,
                       const Record& record) {
    return {.dir = request.paths.monitor(record.id),
            .hostname = record.hostname,
            .address = record.network.address,
            .network = request.options.network,
            .ids = record.ids ? std::optional(record.ids->range) : std::nullopt,
            .resolver =
                network.answers_names ? std::string(network::kResolverAddress) : network.resolver,
            .gateway =
                request.options.network == NetworkMode::host ? "127.0.0.1" : record.network.gateway,
            .answers_names = network.answers_names,
            .more_addresses = more_addresses(network),
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
    auto secrets = TRY(mount_secrets(request.paths, record));
    for (const auto& [place, mount] : secrets) launch.made_mounts[place] = mount.get();
    sys::UniqueFd others_log = TRY(make_bundle(request, record, shared, launch));
    name_shared(shared, launch.spec);
    const std::string& files_of = record.settings.network_of;  // prepare() has them from there
    if (shared.shm)
        launch.made_mounts[request.paths.monitor(files_of.empty() ? record.id : files_of) +
                           std::string(kSharedShm)] = shared.shm.get();
    HookPlan hooks = TRY(plan_hooks(request, record, launch.spec));
    if (network.made_namespace.valid())
        launch.network_namespace = TRY(network.made_namespace.get());
    if (network.own) launch.network_namespace = std::move(network.own);
    if (shared.network) launch.network_namespace = std::move(shared.network);
    sys::UniqueFd ns;
    if (record.ids) TRY(make_user_namespace(request, network, launch));
    if (network.is_bridged()) ns = TRY(sys::duplicate(launch.network_namespace.get()));
    std::uint16_t resolver_port = TRY(open_names(request.paths, network, ns.get(), launch));
    if (auto kept = TRY(find_kept(request.paths))) launch.held_too = std::move(kept->lock);
    std::optional<runtime::Running> begun;
    // The monitor connects to the published ports from there.
    TRY(network::beside_bridge(network.bridge, [&]() -> Result<> {
        begun = TRY(runtime::launch(std::move(launch), prepared.host));
        return {};
    }));
    runtime::Running& running = *begun;
    timeline.mark("handed over to crank-shim");
    Result<> up = bring_up(running, network, ns, resolver_port, hooks, prepared.host, timeline);
    if (!up) return fail(explain_other(record, others_log, std::move(up).error()));
    // From here on the monitor gives the lease back. Of a start that fails both do: the shim may
    // have ended before it could.
    undo.commit();
    return Started{std::move(record), std::move(running), std::move(input.write),
                   std::move(timeline)};
}

}  // namespace crank::engine::local
