#include "engine/local/start.h"

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/undo.h"
#include "engine/bottom_layer.h"
#include "engine/egress.h"
#include "engine/events.h"
#include "engine/local/files.h"
#include "engine/local/launch.h"
#include "engine/local/network_plan.h"
#include "engine/local/own_way.h"
#include "engine/local/prepare.h"
#include "engine/local/secrets.h"
#include "engine/local/served_ports.h"
#include "engine/local/shared.h"
#include "engine/local/volumes.h"
#include "engine/names.h"
#include "engine/other_runtime.h"
#include "engine/project_labels.h"
#include "engine/state.h"
#include "engine/sweep.h"
#include "oci/runtime_spec.h"
#include "sys/file.h"
#include "sys/own_user_namespace.h"
#include "sys/owned_file.h"
#include "sys/signals.h"
#include "sys/system.h"

namespace crank::engine::local {
namespace {

constexpr std::string_view kDefaultStopSignal = "SIGTERM";

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
    for (const SecretFile& secret : options.secrets)
        mounts.push_back({"tmpfs", "", secret.destination, true});
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
                  .mounts = mounts_of(options),
                  .secrets = owned_by(spec.process.user, options.secrets)};
    drop_project_labels(record.labels);
    for (const auto& [key, value] : options.labels) record.labels[key] = value;
    record.networks = TRY(wanted_networks(request.paths, options));
    record.network.mode = record.networks.empty() ? std::string(network_name(options.network))
                                                  : record.networks.front().network;
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
    record.spec = oci::serialize(spec);
    record.spec_without_devices = prepared.spec_without_devices;
    record.gpus = options.gpus;
    record.devices = options.devices;
    record.wanted_ports = options.ports;
    for (const network::PortSpec& port : options.gateway_ports)
        for (const std::string& ip :
             network::published_addresses(port, request.config.text("publish.address")))
            record.gateway_ports.push_back(
                {ip, port.host_port, port.container_port, port.protocol});
    const auto served = served_ports(prepared.image.stored.config, options);
    if (served.size() <= kMostServedPorts) record.served_ports.assign(served.begin(), served.end());
    record.restart = options.restart;
    record.warnings = prepared.made.warnings;
    const oci::ContainerConfig& config = prepared.image.stored.config.config;
    MergedHealth health =
        merge_health(config.healthcheck, options.health, options.settings.no_healthcheck);
    if (health.check) health.check->shell = config.shell;
    record.health = std::move(health.check);
    record.warnings.insert(record.warnings.end(), health.warnings.begin(), health.warnings.end());
    return record;
}

Result<> make_dirs_of(const Paths& paths, const std::string& id) {
    // The mode of the container's root directory, whatever the caller's umask.
    std::string upper = paths.container(id) + "/upper";
    TRY(sys::make_dir(upper, 0755));
    TRY(sys::set_mode(TRY(sys::open_dir(upper)).get(), 0755, upper));
    TRY(sys::make_dir(paths.container(id) + "/work", 0700));
    TRY(make_bottom_layer(paths, id));
    return sys::exists(paths.mount_point()) ? Result<>{}
                                            : sys::make_dirs(paths.mount_point(), 0700);
}

// What lies beside its record for as long as it exists.
Result<> make_files_of(const Paths& paths, const Prepared& prepared, const std::string& id) {
    TRY(make_dirs_of(paths, id));
    return write_ld_cache(prepared.devices, paths.container(id) + "/upper");
}

void undo_ids(const Paths& paths, const std::optional<ids::Lease>& ids, const std::string& id,
              Undo& undo) {
    if (!ids) return;
    undo.add([place = place_of(paths), lease = *ids, id] {
        return ids::give_back(place, lease.block, lease.blocks, id);
    });
}

Result<> choose_runtime(StartRequest& request) {
    Settings& settings = request.options.settings;
    settings.runtime_command =
        TRY(other::find(request.config, request.paths.config, settings.runtime));
    if (settings.runtime_command.empty()) return {};
    if (!TRY(sys::own_user_namespace()).initial)
        return fail(Error(Code::unsupported,
                          "--runtime " + settings.runtime +
                              " needs root: without it containers live in a user namespace of "
                              "crank's, which another runtime does not know")
                        .with_hint("sudo crank run --runtime " + settings.runtime +
                                   " ..., or leave out --runtime"));
    return other::check(request.options);
}

// Its image, and what that one and other containers add to the options.
Result<Image> find_what_it_takes(StartRequest& request) {
    TRY(choose_runtime(request));
    Image image = TRY(find_or_fetch(request));
    TRY(publish_exposed(image.stored.config, request.options));
    TRY(add_volumes(request.paths, image.stored, request.options));
    return image;
}

}  // namespace

Result<Reservation> reserve(const StartRequest& request) {
    if (request.before_name) TRY(request.before_name());
    return Reservation::make(request.paths, request.options.name);
}

Result<Record> create(StartRequest request) {
    runtime::HostFacts host = TRY(host_for_containers());
    TRY(check_network(request));
    Image image = TRY(find_what_it_takes(request));
    TRY(find_donors(request.paths, request.options));
    Reservation reservation = TRY(reserve(request));
    std::optional<ids::Lease> ids = TRY(lease_ids(request, reservation.id()));
    Undo undo;
    undo_ids(request.paths, ids, reservation.id(), undo);
    auto rest = [&]() -> Result<Record> {
        TRY(make_volumes(request.paths, image.stored, reservation.id(), request.options, undo));
        Prepared prepared = TRY(prepare(request, host, std::move(image), reservation.id(), ids));
        Record record = TRY(describe(request, prepared, reservation));
        TRY(make_files_of(request.paths, prepared, record.id));
        // Before the record: without it the container is what a start that was killed has left.
        TRY(sys::write_file_atomic(request.paths.container(record.id) + "/" + kCreated, "", 0600,
                                   sys::Sync::no));
        crash_point("create.marked");
        TRY(write_record(request.paths, record));
        note_container(request.paths, record, "create");
        return record;
    };
    Result<Record> record = rest();
    if (!record) return fail(undo.run(std::move(record).error()));
    undo.commit();
    reservation.keep();
    return record;
}

Result<Started> start(StartRequest request) {
    Timeline timeline;
    runtime::HostFacts host = TRY(host_for_containers());
    auto made_namespace = begin_namespace(request.options);
    Image image = TRY(find_what_it_takes(request));
    Shared shared = TRY(open_shared(request.paths, request.options));
    timeline.mark("image found");
    Reservation reservation = TRY(reserve(request));
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
    undo_ids(request.paths, ids, record.id, undo);
    if (network.is_bridged())
        undo.add([endpoints = network.endpoints] { return leave_networks(endpoints); });
    auto rest = [&]() -> Result<Started> {
        TRY(make_files_of(request.paths, prepared, record.id));
        TRY(lead_out_alone(request, record, network, undo));
        TRY(write_files(own_files(request, network, record), record.warnings));
        TRY(write_record(request.paths, record));
        crash_point("run.recorded");
        note_container(request.paths, record, "create");
        timeline.mark("record written");
        return launch(request, prepared, std::move(record), {std::move(network), std::move(shared)},
                      std::move(timeline), undo);
    };
    Result<Started> started = rest();
    if (!started) return fail(undo.run(std::move(started).error()));
    volumes_made.commit();
    reservation.keep();
    return started;
}

namespace {

Result<runtime::Plan> make_plan(const StartRequest& request, const Prepared& prepared,
                                const std::string& id, const runtime::Options& options,
                                const runtime::Given& given) {
    const oci::RuntimeSpec& spec = prepared.made.spec;
    if (request.options.settings.runtime_command.empty())
        return runtime::plan(spec, prepared.rootfs, options, prepared.host, given);
    Record record{.id = id, .terminal = request.options.terminal};
    record.network.mode = network_name(request.options.network);
    record.settings = request.options.settings;
    TRY(other::check(request.options, spec));
    runtime::OtherRuntime other = other::commands_of(request.paths, record);
    oci::RuntimeSpec told =
        TRY(other::spec_for(spec, record, other.bundle, request.paths.mount_point()));
    return runtime::plan_other(told, prepared.rootfs, options, prepared.host, given, other);
}

}  // namespace

Result<std::string> explain(const StartRequest& asked) {
    StartRequest request = asked;
    runtime::HostFacts host = TRY(host_for_containers());
    Image image = TRY(find_what_it_takes(request));
    Shared shared = TRY(open_shared(request.paths, request.options));
    imagine_volumes(request.paths, request.options);
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
    runtime::Given given{.network_namespace = made_before,
                         .user_namespace = prepared.ids.has_value()};
    runtime::Plan plan = TRY(make_plan(request, prepared, id, options, given));
    std::string text = "image " + prepared.image.shown + " (" + prepared.image.stored.id.str() +
                       ")\ncontainer " + id + "\n";
    for (const std::string& warning : prepared.made.warnings) text += "warning: " + warning + "\n";
    text += explain_network(request);
    return text + plan.describe();
}

}  // namespace crank::engine::local
