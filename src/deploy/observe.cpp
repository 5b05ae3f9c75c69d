#include "deploy/observe.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "deploy/addresses.h"
#include "deploy/certificates.h"
#include "deploy/desired.h"
#include "deploy/kept_logs.h"
#include "deploy/native_releases.h"
#include "deploy/records.h"
#include "deploy/releases.h"
#include "deploy/traffic.h"
#include "deploy/warm.h"
#include "engine/lifecycle.h"
#include "engine/local/prepare.h"
#include "engine/networks/store.h"
#include "engine/volume.h"
#include "engine/warm.h"
#include "network/network.h"
#include "sys/own_user_namespace.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

using Labels = std::map<std::string, std::string>;

// "db:service_healthy:false,cache:service_started:true"
std::vector<std::string> services_of(const std::string& text) {
    std::vector<std::string> services;
    for (const std::string& one : split(text, ','))
        if (!one.empty()) services.push_back(one.substr(0, one.find(':')));
    return services;
}

ObservedContainer::State state_of(const engine::State& state) {
    switch (state.status) {
        case engine::Status::created: return ObservedContainer::State::created;
        case engine::Status::exited: return ObservedContainer::State::exited;
        default: return ObservedContainer::State::running;
    }
}

std::set<std::uint16_t> own_ports_of(const engine::Record& record) {
    std::set<std::uint16_t> ports;
    for (const network::PortSpec& port : record.wanted_ports)
        if (port.protocol == "tcp" && port.host_port != 0) ports.insert(port.host_port);
    return ports;
}

std::string own_volume_of(const engine::Record& record) {
    for (const engine::MountRecord& mount : record.mounts)
        if (mount.anonymous && !mount.read_only && !mount.volume.empty()) return mount.destination;
    return "";
}

ObservedResource resource_of(const Labels& labels, std::string_view key) {
    return {.hash = label_of(labels, kHashLabel),
            .project = label_of(labels, kProjectLabel),
            .key = label_of(labels, key)};
}

ObservedResource resource_of(const engine::networks::Definition& network) {
    ObservedResource resource = resource_of(network.labels, kNetworkLabel);
    resource.between = engine::networks::reach_each_other(network.options);
    return resource;
}

std::map<std::string, std::string> addresses_of(const engine::Container& container) {
    std::map<std::string, std::string> on;
    if (container.state.status != engine::Status::running) return on;
    for (const engine::EndpointRecord& endpoint : container.record.networks)
        if (!endpoint.network_id.empty() && !endpoint.address.empty())
            on[endpoint.network] = endpoint.address;
    return on;
}

ObservedContainer observed_of(const engine::Container& container) {
    const engine::Record& record = container.record;
    return {.id = record.id,
            .name = engine::shown_name(record),
            .service = label_of(record.labels, kServiceLabel),
            .hash = label_of(record.labels, kHashLabel),
            .image_id = record.kind == engine::Kind::native ? label_of(record.labels, kNativeLabel)
                                                            : record.image_id,
            .number = parse_int(label_of(record.labels, kNumberLabel)).value_or(1),
            .created_ns = record.created_ns,
            .state = state_of(container.state),
            .exit_code = container.state.exit.code,
            .depends_on = services_of(label_of(record.labels, kDependsLabel)),
            .own_volume = own_volume_of(record),
            .own_ports = own_ports_of(record),
            .serves = container.state.status == engine::Status::running ? served_ports(record)
                                                                        : std::set<std::uint16_t>(),
            .native = record.kind == engine::Kind::native,
            .on = addresses_of(container),
            .may_freeze = container.state.status == engine::Status::running &&
                          !container.state.paused && may_freeze(record),
            .native_gpu = record.labels.contains(std::string(kNativeGpuLabel))};
}

ObservedWarm warm_of(const engine::Container& container) {
    ObservedContainer one = observed_of(container);
    return {.id = std::move(one.id),
            .name = std::move(one.name),
            .service = std::move(one.service),
            .hash = std::move(one.hash),
            .image_id = std::move(one.image_id),
            .number = one.number,
            .native = one.native,
            .stands = container.state.status == engine::Status::running && container.state.paused &&
                      engine::warm_until(container.record) > sys::wall_clock_ns()};
}

std::unexpected<Error> gone(const DesiredService& service, const std::string& what) {
    return fail(Error(Code::not_found, what + " of service " + service.name + ", " + service.image +
                                           " (" + service.pinned + "), is gone")
                    .with_hint("crank releases shows others"));
}

Result<void> find_directory(const engine::Paths& paths, const std::string& project,
                            DesiredService& service) {
    if (!service.builds) return {};
    auto releases = TRY(NativeReleases::of(paths, project, service.name));
    if (!service.pinned.empty() && !releases.has(service.pinned))
        return gone(service, "the directory");
    service.image_id = service.pinned.empty() ? releases.present() : service.pinned;
    return {};
}

// A process of this machine may read it: it mounts nothing.
bool has_certificate(const engine::Paths& paths, const std::string& project,
                     const engine::Record& record) {
    if (record.labels.contains(std::string(kNativeLabel))) return true;
    std::string directory =
        Certificates(paths, project, "").directory_of(label_of(record.labels, kServiceLabel));
    return std::ranges::find(record.mounts, directory, &engine::MountRecord::source) !=
           record.mounts.end();
}

// What a container runs in, a release may go back to, or `crank up` starts.
Result<void> tidy_directories(const engine::Paths& paths, const std::string& project,
                              std::set<std::string> used) {
    for (const Release& release : TRY(list_releases(paths, project)))
        for (const ReleasedService& service : release.services) used.insert(service.image_id);
    keep_only_native(paths, project, used);
    return {};
}

}  // namespace

bool is_of(const engine::Container& container, const std::string& project) {
    const Labels& labels = container.record.labels;
    return label_of(labels, kProjectLabel) == project && label_of(labels, kOneOffLabel) != "True" &&
           !engine::warm_until(container.record);
}

bool is_warm_of(const engine::Container& container, const std::string& project) {
    return label_of(container.record.labels, kProjectLabel) == project &&
           engine::warm_until(container.record).has_value();
}

Result<Sight> observe(const engine::Paths& paths, const std::string& project) {
    // Without a name whatever has no label would be the project's.
    TRY(compose::check_project_name(project));
    Sight sight;
    std::set<std::string> hashes;
    for (engine::Container& container : TRY(engine::list(paths))) {
        if (is_warm_of(container, project)) {
            sight.observed.warm.push_back(warm_of(container));
            sight.warm.push_back(std::move(container));
            continue;
        }
        if (!is_of(container, project)) continue;
        sight.observed.containers.push_back(observed_of(container));
        hashes.insert(sight.observed.containers.back().hash);
        sight.containers.push_back(std::move(container));
    }
    // Without root the bridges lie in a namespace that nobody else has rules in.
    bool alone = !TRY(sys::own_user_namespace()).initial;
    bool forwards = alone || network::drops_forwarded().empty();
    sight.observed.hears = alone || network::drops_incoming().empty();
    for (const auto& network : TRY(engine::networks::list(paths))) {
        sight.observed.networks[network.name] = resource_of(network);
        sight.observed.networks[network.name].forwards = forwards;
    }
    // Those that are always there.
    for (const char* name : {"bridge", "host", "none"})
        sight.observed.networks[name].between = false;
    for (const auto& volume : TRY(engine::volumes::list(paths)))
        sight.observed.volumes[volume.name] = resource_of(volume.labels, kVolumeLabel);
    TRY(observe_gateway(paths, project, sight.observed));
    TRY(observe_addresses(paths, project, sight.observed));
    Records records(paths, project);
    sight.observed.identities = records.services(hashes);
    sight.observed.prepared = records.prepared();
    return sight;
}

Result<void> find_images(const engine::Paths& paths, const engine::Config& config,
                         Desired& desired) {
    std::map<std::string, std::string> known;
    // Empty: it is not here.
    auto id_of = [&](const std::string& wanted) -> Result<std::string> {
        auto [entry, is_new] = known.try_emplace(wanted);
        if (!is_new) return entry->second;
        auto image = engine::local::find_image(paths, config, wanted);
        if (image)
            entry->second = image->stored.id.str();
        else if (image.error().code() != Code::not_found)
            return fail(std::move(image.error()));
        return entry->second;
    };
    for (DesiredService& service : desired.services) {
        if (service.native) {
            TRY(find_directory(paths, desired.project, service));
            continue;
        }
        const std::string& wanted = service.pinned.empty() ? service.image : service.pinned;
        service.image_id = TRY(id_of(wanted));
        if (!service.pinned.empty() && service.image_id.empty()) return gone(service, "the image");
        for (DesiredPreStart& step : service.pre_start) {
            if (whole_name(step.image) == whole_name(service.image)) step.pinned = service.pinned;
            step.image_id = TRY(id_of(step.pinned.empty() ? step.image : step.pinned));
            if (!step.pinned.empty() && step.image_id.empty())
                return gone(service, "the image of a step of pre_start");
        }
    }
    return {};
}

Result<void> tidy(const engine::Paths& paths, const std::string& project) {
    TRY(compose::check_project_name(project));
    std::set<std::string> hashes, files, directories, services;
    for (const engine::Container& container : TRY(engine::list(paths))) {
        if (label_of(container.record.labels, kProjectLabel) != project) continue;
        hashes.insert(label_of(container.record.labels, kHashLabel));
        directories.insert(label_of(container.record.labels, kNativeLabel));
        if (has_certificate(paths, project, container.record))
            services.insert(label_of(container.record.labels, kServiceLabel));
        for (const engine::MountRecord& mount : container.record.mounts) files.insert(mount.source);
        for (const engine::SecretFile& one : container.record.secrets) files.insert(one.source);
        for (const engine::ConfigLink& one : container.record.config_links)
            files.insert(one.source);
    }
    Records records(paths, project);
    if (hashes.empty())
        records.forget_containers();
    else
        records.forget_others(hashes, files);
    Certificates(paths, project, "").keep_only(services);
    tidy_logs(paths, project);
    return tidy_directories(paths, project, std::move(directories));
}

}  // namespace crank::deploy
