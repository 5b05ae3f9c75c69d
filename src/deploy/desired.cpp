#include "deploy/desired.h"

#include <algorithm>

#include "base/text.h"
#include "deploy/run_options.h"
#include "engine/volume_options.h"
#include "oci/digest.h"
#include "oci/reference.h"

namespace crank::deploy {
namespace {

constexpr std::string_view kService = "service:";

std::string text_of(const std::map<std::string, std::string>& map) {
    std::string text;
    for (const auto& [name, value] : map) text += name + "=" + value + "\n";
    return text;
}

std::string hash_of(const compose::Network& network) {
    std::string text = join(network.subnets, ",") + "\n" + join(network.gateways, ",") + "\n" +
                       join(network.ranges, ",") + "\n" + (network.internal ? "internal" : "") +
                       "\n" + (network.ipv6 ? "ipv6" : "") + "\n" + text_of(network.options) +
                       "\n" + text_of(network.labels);
    return oci::Digest::of(text).hex();
}

// What is a directory of crank's own is the same however it was asked for.
std::string hash_of(const compose::Volume& volume) {
    return volume.options.empty() ? "" : oci::Digest::of(text_of(volume.options)).hex();
}

// Whose network, processes or volumes it has.
std::set<std::string> shares_of(const compose::Service& service) {
    std::set<std::string> shared;
    for (const std::string* mode :
         {&service.network_mode, &service.pid, &service.ipc, &service.uts})
        if (mode->starts_with(kService)) shared.insert(mode->substr(kService.size()));
    for (const std::string& from : service.volumes_from)
        if (!from.starts_with("container:")) shared.insert(from.substr(0, from.find(':')));
    return shared;
}

}  // namespace

Result<std::string> device_of(const compose::Volume& volume) {
    std::vector<std::string> options;
    for (const auto& [key, value] : volume.options) options.push_back(key + "=" + value);
    return TRY_IN(engine::volumes::device_in(options), "volumes." + volume.key + ".driver_opts");
}

engine::networks::Asked asked_of(const compose::Network& network) {
    return {.name = network.name,
            .driver = network.driver.empty() ? "bridge" : network.driver,
            .subnets = network.subnets,
            .gateways = network.gateways,
            .ranges = network.ranges,
            .ipv6 = network.ipv6,
            .internal = network.internal,
            .options = network.options,
            .labels = network.labels};
}

std::string label_of(const std::map<std::string, std::string>& labels, std::string_view name) {
    auto found = labels.find(std::string(name));
    return found == labels.end() ? "" : found->second;
}

bool is_held(const compose::Service& service, const compose::Port& port) {
    bool tcp = port.protocol.empty() || port.protocol == "tcp";
    return tcp && !port.own && service.network_mode.empty() && parse_int(port.published);
}

bool has_native_gpu(const compose::Service& service) {
    const compose::NativeOptions* native = service.native();
    return native != nullptr && (is_for_gpu(*native) || !service.gpus.empty());
}

bool has_directory(const compose::Service& service) {
    const compose::NativeOptions* native = service.native();
    return native != nullptr && (service.build.has_value() || !native->directory.empty());
}

bool may_stand_still(const compose::Service& service) {
    const compose::NativeOptions* native = service.native();
    bool writes = std::ranges::any_of(service.mounts, [](const compose::Mount& mount) {
        return mount.type == compose::Mount::Type::bind && !mount.read_only;
    });
    return native != nullptr && !native->own_ports && !writes && service.devices.empty() &&
           !has_native_gpu(service);
}

std::string shown(const compose::Port& port) {
    bool v6 = port.host_ip.contains(':');
    std::string ip = v6 ? "[" + port.host_ip + "]" : port.host_ip;
    return (ip.empty() ? "" : ip + ":") + port.published;
}

namespace {

// Two containers at once: a port, an address, a host's network can be one's alone, and two that
// write into the same files may destroy them.
std::string in_the_way(const compose::Service& service, std::optional<bool> start_first) {
    for (const compose::Port& port : service.ports)
        if (!port.published.empty() && !is_held(service, port))
            return "it publishes port " + port.published;
    if (service.native() != nullptr && service.native()->own_ports && !service.ports.empty())
        return "it listens on port " + std::to_string(service.ports.front().target) + " itself";
    if (start_first) return *start_first ? "" : "its rollout says so";
    if (service.network_mode == "host") return "it has the host's network";
    if (service.network_mode.contains(':')) return "it has the network of " + service.network_mode;
    for (const compose::ServiceNetwork& network : service.networks)
        if (!network.ipv4.empty() || !network.ipv6.empty()) return "it has an address of its own";
    for (const compose::Mount& mount : service.mounts)
        if (mount.type != compose::Mount::Type::tmpfs && !mount.read_only)
            return "it writes to " + mount.target;
    for (const std::string& from : service.volumes_from)
        if (!from.ends_with(":ro")) return "it writes to volumes of " + from;
    return "";
}

DesiredService::Change change_of(const compose::Service& service,
                                 const compose::Service::Change& change) {
    return {.in_the_way = in_the_way(service, change.start_first),
            .said_to_be_safe = change.start_first.value_or(false),
            .delay = change.delay,
            .parallelism = change.parallelism,
            .max_failure_ratio = change.max_failure_ratio,
            .monitor = change.monitor,
            .goes_on = change.on_failure == compose::Service::Change::OnFailure::go_on};
}

void add_resources(const compose::Service& service, DesiredService& desired) {
    for (const compose::ServiceNetwork& network : service.networks)
        desired.networks.insert(network.key);
    for (const compose::Mount& mount : service.mounts)
        if (mount.type == compose::Mount::Type::volume && !mount.source.empty())
            desired.volumes.insert(mount.source);
}

DesiredService service_of(const compose::Project& project, const compose::TypedProject& types,
                          const compose::Service& service) {
    std::string identity = compose::identity(project, types, service);
    DesiredService desired{.name = service.name,
                           .identity = identity,
                           .hash = config_hash(identity),
                           .image = service.image,
                           .builds = service.build.has_value(),
                           .pull_policy = service.pull_policy,
                           .replicas = service.replicas,
                           .depends_on = service.depends_on,
                           .shares = shares_of(service),
                           .container_name = service.container_name,
                           .update = change_of(service, service.update),
                           .rollback = change_of(service, service.rollback),
                           .native = service.native() != nullptr,
                           .placed = service.placement.why,
                           .address = service.native() == nullptr
                                          ? service.address
                                          : compose::Service::Address::never};
    desired.canary = service.worker.rollout.canary;
    desired.keep_warm =
        std::chrono::ceil<std::chrono::seconds>(service.worker.rollout.keep_warm).count();
    desired.native_gpu = has_native_gpu(service);
    desired.gpus_flag = gpus_flag(service);
    desired.devices = service.devices;
    if (desired.native) {
        desired.image = kNativeImage;
        desired.builds = has_directory(service);
    }
    for (const compose::Port& port : service.ports)
        if (is_held(service, port))
            desired.ports.push_back({shown(port), service.name + ":" + std::to_string(port.target),
                                     static_cast<std::uint16_t>(*parse_int(port.published))});
    for (const compose::Port& port : service.ports)
        if (!port.app_protocol.empty())
            desired.speaks_http[static_cast<std::uint16_t>(port.target)] =
                port.app_protocol == "http";
    if (desired.native) return desired;
    add_resources(service, desired);
    for (const compose::PreStart& step : service.pre_start) {
        add_resources(step.container, desired);
        desired.pre_start.push_back(
            {.image = step.container.image, .per_replica = step.per_replica});
    }
    return desired;
}

Result<void> check_known(const compose::TypedProject& types, const std::string& name) {
    if (types.find(name) != nullptr) return {};
    std::vector<std::string_view> names;
    for (const compose::Service& service : types.services) names.push_back(service.name);
    auto near = did_you_mean(name, names);
    return fail(Error(Code::not_found, "no such service: " + name)
                    .with_hint(near ? "did you mean " + *near + "?" : "crank config --services"));
}

Result<std::set<std::string>> selected(const compose::TypedProject& types,
                                       const Selection& selection) {
    std::set<std::string> names;
    std::vector<std::string> stack = selection.services;
    for (const std::string& name : stack) TRY(check_known(types, name));
    if (stack.empty())
        for (const compose::Service& service : types.services) stack.push_back(service.name);
    while (!stack.empty()) {
        std::string name = std::move(stack.back());
        stack.pop_back();
        const compose::Service* service = types.find(name);
        if (service == nullptr || !names.insert(name).second || !selection.dependencies) continue;
        for (const compose::Dependency& on : service->depends_on) stack.push_back(on.service);
    }
    return names;
}

// Of those that are started together.
void settle_dependencies(Desired& desired) {
    std::set<std::string> there;
    for (const DesiredService& service : desired.services) there.insert(service.name);
    std::set<std::string> awaited;
    for (DesiredService& service : desired.services) {
        std::erase_if(service.depends_on,
                      [&](const compose::Dependency& on) { return !there.contains(on.service); });
        for (const compose::Dependency& on : service.depends_on)
            if (on.condition == compose::Dependency::Condition::completed)
                awaited.insert(on.service);
    }
    for (DesiredService& service : desired.services) {
        service.once = awaited.contains(service.name);
        for (DesiredService::Change* change : {&service.update, &service.rollback})
            if (service.once && change->in_the_way.empty())
                change->in_the_way = "it ends by itself";
    }
}

}  // namespace

std::string whole_name(const std::string& image) {
    Result<oci::Reference> reference = oci::Reference::parse(image);
    return reference ? reference->str() : image;
}

std::string config_hash(const std::string& identity) { return oci::Digest::of(identity).hex(); }

Result<Desired> desired_of(const compose::Project& project, const compose::TypedProject& types,
                           const Selection& selection) {
    Desired desired{.project = types.name};
    std::set<std::string> names = TRY(selected(types, selection));
    desired.others.insert(types.other_services.begin(), types.other_services.end());
    for (const auto& [name, replicas] : selection.replicas) TRY(check_known(types, name));
    for (const compose::Service& service : types.services)
        if (service.build) desired.builders.try_emplace(whole_name(service.image), service.name);
    for (const compose::Service& service : types.services) {
        if (!names.contains(service.name)) {
            desired.others.insert(service.name);
            continue;
        }
        DesiredService one = service_of(project, types, service);
        if (auto scale = selection.replicas.find(service.name); scale != selection.replicas.end())
            one.replicas = scale->second;
        if (one.replicas > 1 && !one.container_name.empty())
            return fail(Code::invalid_argument, "service " + one.name + " has container_name " +
                                                    one.container_name +
                                                    ": there can be one container of that name");
        bool own = service.native() != nullptr && service.native()->own_ports;
        if (one.replicas > 1 && own && !one.ports.empty())
            return fail(Error(Code::invalid_argument,
                              "service " + one.name + ": " + one.update.in_the_way +
                                  ", and there are to be " + std::to_string(one.replicas))
                            .with_hint("x-crank.native without own_ports, and a worker that "
                                       "listens on $" +
                                       service.native()->port_variable));
        desired.services.push_back(std::move(one));
    }
    settle_dependencies(desired);
    for (const compose::Network& network : types.networks)
        desired.networks.push_back({network.key, network.name, network.external, hash_of(network),
                                    engine::networks::reach_each_other(network.options)});
    for (const compose::Volume& volume : types.volumes) TRY(device_of(volume));
    for (const compose::Volume& volume : types.volumes)
        desired.volumes.push_back({volume.key, volume.name, volume.external, hash_of(volume)});
    return desired;
}

}  // namespace crank::deploy
