// The start of a container that exists: from its record.
#include <algorithm>

#include "base/undo.h"
#include "engine/bottom_layer.h"
#include "engine/local/files.h"
#include "engine/local/launch.h"
#include "engine/local/network_plan.h"
#include "engine/local/own_way.h"
#include "engine/local/prepare.h"
#include "engine/local/start.h"
#include "oci/runtime_spec.h"
#include "sys/file.h"

namespace crank::engine::local {
namespace {

// What a start asks for beside the configuration in the record.
Result<RunOptions> options_of(const Record& record, bool detach) {
    RunOptions options;
    options.image = record.image;
    options.network =
        record.networks.empty() ? TRY(parse_network(record.network.mode)) : NetworkMode::bridge;
    for (const EndpointRecord& one : record.networks)
        options.networks.push_back({.name = one.network,
                                    .aliases = one.aliases,
                                    .ip = one.wanted_ip,
                                    .ip6 = one.wanted_ip6});
    options.ports = record.wanted_ports;
    options.gpus = record.gpus;
    options.devices = record.devices;
    options.detach = detach;
    options.interactive = record.interactive;
    options.terminal = record.terminal;
    options.remove = record.remove;
    options.init = record.init;
    options.read_only = record.read_only;
    options.sandbox = TRY(parse_sandbox(record.sandbox));
    using Mode = ids::Wanted::Mode;
    options.userns = ids::Wanted{record.ids ? Mode::automatic : Mode::host, 0};
    options.restart = record.restart;
    if (record.health) options.health = *record.health;
    options.settings = record.settings;
    return options;
}

Result<Image> image_of(const Paths& paths, const Record& record) {
    auto find = [&]() -> Result<Image> {
        store::Store store = TRY(store::Store::open(paths.root, store::OpenMode::read_only));
        store::Image stored = TRY(store.find(record.image_id));
        store::Pin pin = TRY(store.pin(stored));
        return Image{std::move(stored), record.image, "", std::move(pin)};
    };
    Result<Image> image = find();
    if (image || image.error().code() != Code::not_found) return image;
    return fail(
        Error(Code::not_found, "image " + record.image + " (" + record.image_id +
                                   ") of container " + record.name + " is gone")
            .with_hint("crank load or crank pull brings it back; a new container: crank rm " +
                       record.name + ", and crank run " + record.image));
}

Result<> check_volumes(const Record& record) {
    for (const MountRecord& mount : record.mounts) {
        if (mount.source.empty()) continue;
        Result<sys::FileInfo> source = sys::stat(mount.source);
        if (source) continue;
        if (source.error().code() != Code::not_found) return fail(std::move(source).error());
        return fail(Error(Code::not_found, "volume " + mount.source + ":" + mount.destination +
                                               " of container " + record.name + ": " +
                                               mount.source + " does not exist")
                        .with_hint("mkdir -p " + mount.source));
    }
    return {};
}

// The state directory may lie elsewhere than at the last start.
void find_own_files(const std::string& dir, const std::string& id, oci::RuntimeSpec& spec) {
    for (oci::Mount& mount : spec.mounts) {
        std::size_t slash = mount.source.rfind('/');
        std::string above = mount.source.substr(0, slash == std::string::npos ? 0 : slash);
        if (mount.type == "bind" && above.ends_with("/containers/" + id))
            mount.source = dir + mount.source.substr(slash);
    }
}

// Of a start that was cut short overlayfs may have left what it refuses to mount again.
Result<> renew_work_directory(const Paths& paths, const std::string& id) {
    std::string work = paths.container(id) + "/work";
    TRY(sys::remove_tree(work));
    TRY(sys::make_dir(work, 0700));
    TRY(make_bottom_layer(paths, id));
    return sys::exists(paths.mount_point()) ? Result<>{}
                                            : sys::make_dirs(paths.mount_point(), 0700);
}

void add_warning(Record& record, const std::string& warning) {
    if (std::ranges::find(record.warnings, warning) == record.warnings.end())
        record.warnings.push_back(warning);
}

Result<Prepared> prepare_again(const StartRequest& request, const runtime::HostFacts& host,
                               Record& record) {
    TRY(check_volumes(record));
    Image image = TRY(image_of(request.paths, record));
    TRY(renew_work_directory(request.paths, record.id));
    SpecResult made;
    bool plain = record.spec_without_devices.empty();
    made.spec = TRY(oci::parse_runtime_spec(plain ? record.spec : record.spec_without_devices));
    // Of a root without a path, as the engine's is, the document says nothing.
    made.spec.root_readonly = record.read_only;
    made.spec.linux.cgroups_path = record.cgroups_path = host.group_parent + "/" + record.id;
    made.confinement = confinement_of(record);
    find_own_files(request.paths.monitor(record.id), record.id, made.spec);
    made.spec.process.console_rows = request.rows;
    made.spec.process.console_columns = request.columns;
    // The driver may be another by now. What lies in the container's layer is its worker's: the
    // file for its linker stays as it was made.
    Devices devices = TRY(add_devices(request, host, image.stored, made));
    for (const std::string& warning : made.warnings) add_warning(record, warning);
    record.spec = oci::serialize(made.spec);
    runtime::Rootfs rootfs =
        rootfs_of(request.paths, image.stored.layers, record.id, record.settings, record.remove);
    return Prepared{.host = host,
                    .image = std::move(image),
                    .made = std::move(made),
                    .rootfs = std::move(rootfs),
                    .landlock = record.landlock,
                    .devices = std::move(devices),
                    .ids = record.ids};
}

// Ports and an address, new ones.
Result<NetworkPlan> plan_again(const StartRequest& request, Record& record) {
    std::vector<std::string> former = std::move(record.warnings);
    record.warnings.clear();
    record.ports.clear();
    record.network = {.mode = record.network.mode};
    NetworkPlan network = TRY(plan_network(request, record));
    for (const std::string& warning : record.warnings)
        if (std::ranges::find(former, warning) == former.end()) former.push_back(warning);
    record.warnings = std::move(former);
    return network;
}

Result<> write_files_of(const StartRequest& request, const NetworkPlan& network, Record& record) {
    std::vector<std::string> warnings;
    TRY(write_files(own_files(request, network, record), warnings));
    for (const std::string& warning : warnings) add_warning(record, warning);
    return {};
}

}  // namespace

Result<Started> start_again(StartRequest request, StartAttempt& attempt) {
    Timeline timeline;
    Record record = attempt.container().record;
    record.restart_count = request.restart_count;
    record.unhealthy_restarts = request.unhealthy_restarts;
    request.options = TRY(options_of(record, request.forward_stdout < 0));
    runtime::HostFacts host = TRY(host_for_containers());
    auto made_namespace = begin_namespace(request.options);
    Shared shared = TRY(open_shared(request.paths, request.options));
    Prepared prepared = TRY(prepare_again(request, host, record));
    NetworkPlan network = TRY(plan_again(request, record));
    network.made_namespace = std::move(made_namespace);
    timeline.mark("ports bound, address leased");
    Undo undo;
    if (network.is_bridged())
        undo.add([endpoints = network.endpoints] { return leave_networks(endpoints); });
    auto rest = [&]() -> Result<Started> {
        TRY(lead_out_alone(request, record, network, undo));
        TRY(write_files_of(request, network, record));
        TRY(attempt.write(record));
        timeline.mark("record written");
        return launch(request, prepared, std::move(record), {std::move(network), std::move(shared)},
                      std::move(timeline), undo);
    };
    Result<Started> started = rest();
    if (!started) return fail(undo.run(std::move(started).error()));
    return started;
}

}  // namespace crank::engine::local
