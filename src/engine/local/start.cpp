#include "engine/local/start.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/undo.h"
#include "engine/egress.h"
#include "engine/events.h"
#include "engine/local/files.h"
#include "engine/local/network_plan.h"
#include "engine/local/prepare.h"
#include "engine/local/shared.h"
#include "engine/local/volumes.h"
#include "engine/names.h"
#include "engine/rootless.h"
#include "engine/state.h"
#include "engine/sweep.h"
#include "oci/container_state.h"
#include "oci/runtime_spec.h"
#include "runtime/launch_hooks.h"
#include "sys/file.h"
#include "sys/owned_file.h"
#include "sys/signals.h"
#include "sys/stdin_pipe.h"
#include "sys/system.h"
#include "sys/user_namespace.h"

namespace crank::engine::local {
namespace {

constexpr std::string_view kDefaultStopSignal = "SIGTERM";

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

Result<std::string> stop_signal(const RunOptions& options, const oci::ImageConfig& image) {
    std::string text = options.stop_signal.value_or(image.config.stop_signal);
    if (text.empty()) return std::string(kDefaultStopSignal);
    if (auto number = sys::signal_number(text)) return sys::signal_name(*number);
    return fail(Code::invalid_argument, "unknown stop signal \"" + text + "\"");
}

std::vector<MountRecord> mounts_of(const RunOptions& options) {
    std::vector<MountRecord> mounts;
    for (const BindMount& mount : options.binds) {
        mounts.push_back({mount.volume ? "volume" : "bind", mount.source, mount.destination,
                          mount.read_only, wants_own_ids(options) && !mount.map_ids});
        if (!mount.volume) continue;
        mounts.back().volume = mount.volume->name;
        mounts.back().anonymous = mount.volume->anonymous;
    }
    for (const TmpfsMount& mount : options.tmpfs)
        mounts.push_back({"tmpfs", "", mount.destination, false});
    return mounts;
}

void describe_limits(const oci::Resources& resources, Record& record) {
    if (resources.cpu_quota && resources.cpu_period)
        record.nano_cpus =
            *resources.cpu_quota * 1'000'000'000 / static_cast<std::int64_t>(*resources.cpu_period);
    record.memory = resources.memory_limit.value_or(0);
    record.memory_swap = resources.memory_swap.value_or(0);
    record.pids_limit = resources.pids_limit.value_or(0);
}

void describe_sandbox(const RunOptions& options, const Prepared& prepared, Record& record) {
    record.sandbox = sandbox_name(options.sandbox);
    if (!prepared.made.confinement) return;
    record.writable = prepared.made.confinement->writable;
    record.bind_ports = prepared.made.confinement->bind_ports;
    record.landlock = prepared.landlock;
}

Result<Record> describe(const StartRequest& request, const Prepared& prepared,
                        const Reservation& reservation) {
    const RunOptions& options = request.options;
    const oci::RuntimeSpec& spec = prepared.made.spec;
    Record record{.id = reservation.id(),
                  .name = reservation.name(),
                  .kind = Kind::container,
                  .created_ns = sys::wall_clock_ns(),
                  .image = prepared.image.shown,
                  .image_id = prepared.image.stored.id.str(),
                  .args = spec.process.args,
                  .entrypoint = prepared.made.entrypoint,
                  .hostname = prepared.made.hostname,
                  .user = prepared.made.user,
                  .working_dir = spec.process.cwd,
                  .env = spec.process.env,
                  .labels = prepared.image.stored.config.config.labels,
                  .mounts = mounts_of(options)};
    for (const auto& [key, value] : options.labels) record.labels[key] = value;
    record.network.mode = network_name(options.network);
    if (options.network == NetworkMode::container)
        record.network.mode += ":" + options.settings.network_of;
    record.terminal = options.terminal;
    record.interactive = options.interactive;
    record.remove = options.remove;
    // An init is PID 1.
    record.init = options.init && options.settings.pid.empty();
    record.read_only = spec.root_readonly;
    describe_sandbox(options, prepared, record);
    record.stop_signal = TRY(stop_signal(options, prepared.image.stored.config));
    record.stop_timeout = options.stop_timeout.value_or(kDefaultStopTimeout);
    describe_limits(spec.linux.resources, record);
    record.shm_size = prepared.made.shm_size;
    record.cgroups_path = spec.linux.cgroups_path;
    record.ids = prepared.ids;
    record.settings = options.settings;
    record.warnings = prepared.made.warnings;
    const auto& healthcheck = prepared.image.stored.config.config.healthcheck;
    if (!options.settings.no_healthcheck && healthcheck && !healthcheck->test.empty() &&
        healthcheck->test[0] != "NONE")
        record.warnings.emplace_back(
            "the image's health check is not performed: `crank run` does not do that yet");
    return record;
}

Result<> write_record(const Paths& paths, Record& record, const oci::RuntimeSpec& spec) {
    record.spec = oci::serialize(spec);
    return sys::write_file_atomic(paths.container(record.id) + "/container.json", serialize(record),
                                  0600, sys::Sync::no);
}

Result<> make_dirs_of(const Paths& paths, const std::string& id) {
    // The mode of the container's root directory, whatever the caller's umask.
    std::string upper = paths.container(id) + "/upper";
    TRY(sys::make_dir(upper, 0755));
    TRY(sys::set_mode(TRY(sys::open_dir(upper)).get(), 0755, upper));
    TRY(sys::make_dir(paths.container(id) + "/work", 0700));
    return sys::exists(paths.mount_point()) ? Result<>{}
                                            : sys::make_dirs(paths.mount_point(), 0700);
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
        std::string volume = paths.volume(mount.volume);
        after.push_back({Kind::unlink, volume + "/users/" + record.id});
        after.push_back({Kind::remove_unused_volume, volume});
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
    using Kind = runtime::AfterExit::Kind;
    if (network.attachment)
        options.after_exit.push_back({Kind::unlink, network.attachment->lease_path});
    if (record.remove) {
        TRY(remove_volumes_after(paths, record, options.after_exit));
        if (record.ids && record.ids->blocks <= kMostLinks)
            for (std::uint32_t i = 0; i < record.ids->blocks; ++i)
                options.after_exit.push_back(
                    {Kind::unlink, ids::link_of(place_of(paths), record.ids->block + i)});
        options.after_exit.push_back({Kind::unlink, paths.name(record.name)});
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

Result<Started> launch(StartRequest& request, Prepared& prepared, Record record,
                       NetworkPlan network, Shared shared, Timeline timeline, Undo& undo) {
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

}  // namespace

Result<Started> start(StartRequest request) {
    Timeline timeline;
    runtime::HostFacts host = TRY(host_for_containers());
    auto made_namespace = begin_namespace(request.options);
    Image image = TRY(find_or_fetch(request));
    timeline.mark("image found");
    TRY(publish_exposed(image.stored.config, request.options));
    TRY(add_volumes(request.paths, image.stored, request.options));
    Shared shared = TRY(open_shared(request.paths, request.options));
    Reservation reservation = TRY(Reservation::make(request.paths, request.options.name));
    std::optional<ids::Lease> ids = TRY(lease_ids(request, reservation.id()));
    Undo volumes_made;
    TRY(make_volumes(request.paths, image.stored, reservation.id(), request.options, volumes_made));
    Prepared prepared = TRY(prepare(request, host, std::move(image), reservation.id(), ids));
    Record record = TRY(describe(request, prepared, reservation));
    // Ports before anything is started: that one is in use is the likeliest error of all.
    NetworkPlan network = TRY(plan_network(request, record));
    network.made_namespace = std::move(made_namespace);
    timeline.mark("ports bound, address leased");
    Undo undo;
    if (ids)
        undo.add([place = place_of(request.paths), lease = *ids, id = record.id] {
            return ids::give_back(place, lease.block, lease.blocks, id);
        });
    if (network.attachment)
        undo.add([attachment = *network.attachment] { return network::release(attachment); });
    auto rest = [&]() -> Result<Started> {
        TRY(make_dirs_of(request.paths, record.id));
        TRY(write_ld_cache(prepared.devices, request.paths.container(record.id) + "/upper"));
        TRY(write_files(
            {.dir = request.paths.monitor(record.id),
             .hostname = record.hostname,
             .address = record.network.address,
             .network = request.options.network,
             .ids = ids ? std::optional(ids->range) : std::nullopt,
             .resolver = network.has_resolver ? std::string(kEgressResolver) : "",
             .gateway = request.options.network == NetworkMode::host ? "127.0.0.1"
                                                                     : record.network.gateway,
             .settings = record.settings},
            record.warnings));
        TRY(write_record(request.paths, record, prepared.made.spec));
        note_container(request.paths, record, "create");
        timeline.mark("record written");
        return launch(request, prepared, std::move(record), std::move(network), std::move(shared),
                      std::move(timeline), undo);
    };
    Result<Started> started = rest();
    if (!started) return fail(undo.run(std::move(started).error()));
    volumes_made.commit();
    reservation.keep();
    return started;
}

Result<std::string> explain(const StartRequest& asked) {
    StartRequest request = asked;
    runtime::HostFacts host = TRY(host_for_containers());
    Image image = TRY(find_or_fetch(request));
    TRY(publish_exposed(image.stored.config, request.options));
    TRY(add_volumes(request.paths, image.stored, request.options));
    imagine_volumes(request.paths, request.options);
    Shared shared = TRY(open_shared(request.paths, request.options));
    std::string id = TRY(random_id());
    Prepared prepared =
        TRY(prepare(request, host, std::move(image), id, TRY(imagine_ids(request))));
    bool bridged = request.options.network == NetworkMode::bridge;
    runtime::Options options;
    options.init = request.options.init && request.options.settings.pid.empty();
    options.gate = bridged;
    options.mount_point = request.paths.mount_point();
    options.state_dir = request.paths.monitor(id);
    options.confinement = prepared.made.confinement;
    options.default_seccomp = !is_unfiltered(request.options.settings);
    // With ids of its own a network namespace that is made beforehand would be the host's.
    bool made_before = prepared.ids ? bridged : request.options.network != NetworkMode::host;
    name_shared(shared, prepared.made.spec);
    runtime::Plan plan = TRY(runtime::plan(
        prepared.made.spec, prepared.rootfs, options, host,
        {.network_namespace = made_before, .user_namespace = prepared.ids.has_value()}));
    std::string text = "image " + prepared.image.shown + " (" + prepared.image.stored.id.str() +
                       ")\ncontainer " + id + "\n";
    for (const std::string& warning : prepared.made.warnings) text += "warning: " + warning + "\n";
    text += explain_network(request);
    return text + plan.describe();
}

}  // namespace crank::engine::local
