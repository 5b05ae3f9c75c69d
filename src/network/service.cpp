#include "network/service.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/text.h"
#include "network/bridge.h"
#include "network/forwarding.h"
#include "network/lease.h"
#include "network/names.h"
#include "network/obstacles.h"
#include "network/rules.h"
#include "network/service_file.h"
#include "sys/attributes.h"
#include "sys/conntrack.h"
#include "sys/file.h"
#include "sys/tcp.h"

namespace crank::network {

namespace {

constexpr int kWholeAddress = 32;

std::string path_of(const BridgeConfig& config, const std::string& id) {
    return services_dir(config.state_dir) + "/" + id;
}

std::string lease_path(const BridgeConfig& config, const std::string& address) {
    return config.state_dir + "/leases/" + address;
}

Result<bool> is_on_device(Host& host, const Bridge& bridge, sys::Ipv4 address) {
    auto present = TRY(host.route.addresses(bridge.index));
    return std::ranges::find(present, sys::Ipv4Prefix{address, kWholeAddress}) != present.end();
}

// The rules of all services that are there, with `one` as it is to be; a name without an address:
// as it is to be no more.
Result<> put_rules_with(Host& host, const BridgeConfig& config, const Bridge& bridge,
                        const Service& one) {
    auto services = TRY(services_in_force(config.state_dir));
    std::erase_if(services, [&](const Service& service) { return service.id == one.id; });
    if (!one.address.empty()) {
        services.push_back(one);
        drop_ended(config.state_dir, services.back());
    }
    return put_rules(host, config, bridge.subnet, services);
}

// Who has sent datagrams to one that is led to no more would go on to send them there. Best effort:
// they are forgotten after a while of silence.
void forget_others(const BridgeConfig& config, Service service) {
    auto address = sys::parse_ipv4(service.address);
    if (!address) return;
    drop_ended(config.state_dir, service);
    std::vector<sys::Ipv4> led_to;
    for (const ServiceBackend& backend : service.backends)
        if (auto to = sys::parse_ipv4(backend.address)) led_to.push_back(*to);
    (void)sys::forget_datagrams(*address, led_to);
}

bool leaves_some(const std::vector<ServiceBackend>& before,
                 const std::vector<ServiceBackend>& after) {
    return std::ranges::any_of(before, [&](const ServiceBackend& backend) {
        return std::ranges::find(after, backend) == after.end();
    });
}

// The one that it has, also from a command that was killed before it wrote the file.
Result<std::string> find_address(const BridgeConfig& config, const Bridge& bridge,
                                 const std::optional<Service>& known, const std::string& id,
                                 const std::vector<std::string>& others) {
    if (known && holds_lease(config.state_dir, known->address, id)) return known->address;
    std::string left = TRY(find_lease(config.state_dir, id));
    if (!left.empty()) return left;
    TRY(prepare_leases(config.state_dir));
    return TRY(take_last_lease(config.state_dir, pool_of(config, bridge.subnet), id, others))
        .address.text();
}

// Links of these names to the address.
std::vector<std::string> links_of(const BridgeConfig& config, const Service& service) {
    std::vector<std::string> links;
    for (const std::string& name : service.names)
        links.push_back(names_dir(config.state_dir, name) + "/" + service.address);
    return links;
}

Result<> put_names(const BridgeConfig& config, const Service& service,
                   const std::optional<Service>& known) {
    Attachment attachment;
    attachment.address = service.address;
    attachment.container_id = service.id;
    auto links = TRY(add_names(config.state_dir, attachment, service.names));
    if (!known) return {};
    std::vector<std::string> former = links_of(config, *known);
    std::erase_if(former, [&](const std::string& link) {
        return std::ranges::find(links, link) != links.end();
    });
    remove_names(former, service.id);
    return {};
}

// What a first service needs of the bridge.
Result<> begin_services(Host& host, const BridgeConfig& config, PutService& put) {
    const bool first = !sys::exists(services_dir(config.state_dir));
    TRY(sys::make_dirs(services_dir(config.state_dir)));
    if (!config.internal) return {};
    TRY(let_device_forward(config.device));
    if (first) put.warnings = find_obstacles(host, config.device).value_or(put.warnings);
    return {};
}

Result<> write_service(const BridgeConfig& config, const Service& service) {
    return sys::write_file_atomic(path_of(config, service.id), serialize(service), 0600,
                                  sys::Sync::no);
}

Result<> put_here(Host& host, const BridgeConfig& config, const Bridge& bridge, Service wanted,
                  const PutOptions& options, PutService& put) {
    auto known = TRY(read_service(config.state_dir, wanted.id));
    put.address = wanted.address =
        TRY(find_address(config, bridge, known, wanted.id, options.others));
    crash_point("service.leased");
    wanted.backends =
        options.backends.value_or(known ? known->backends : std::vector<ServiceBackend>());
    auto address = sys::parse_ipv4(wanted.address);
    if (!address) return fail(Code::corrupt, "no IPv4 address: " + wanted.address);
    wanted.relayed = options.relayed.value_or(known ? known->relayed : RelayedPorts());
    const bool is_there = TRY(is_on_device(host, bridge, *address));
    if (!options.backends && is_there && known == wanted) return {};
    TRY(begin_services(host, config, put));
    // Before the address: it is never a way to what listens on this host.
    TRY(put_rules_with(host, config, bridge, wanted));
    if (known && leaves_some(known->backends, wanted.backends)) forget_others(config, wanted);
    crash_point("service.ruled");
    if (!is_there) {
        sys::RouteChanges changes;
        changes.add_address(bridge.index, *address, kWholeAddress);
        TRY(host.route.apply(changes));
    }
    TRY(put_names(config, wanted, known));
    crash_point("service.named");
    // Last, since it says that the rest is there.
    return write_service(config, wanted);
}

Result<> take_off_device(Host& host, const Bridge& bridge, const std::string& text) {
    auto address = sys::parse_ipv4(text);
    if (bridge.index == 0 || !address || !TRY(is_on_device(host, bridge, *address))) return {};
    sys::RouteChanges changes;
    changes.remove_address(bridge.index, *address, kWholeAddress);
    return host.route.apply(changes);
}

Result<> remove_here(Host& host, const BridgeConfig& config, const Bridge& bridge,
                     const std::string& id) {
    auto known = TRY(read_service(config.state_dir, id));
    Service gone = known.value_or(Service{.id = id, .project = {}, .name = {}, .names = {}});
    if (!known) gone.address = TRY(find_lease(config.state_dir, id));
    if (gone.address.empty()) return {};
    std::vector<std::string> links = links_of(config, gone);
    links.push_back(config.state_dir + "/reverse/" + gone.address);
    remove_names(links, id);
    // Before the lease: the next one who has the address is a container.
    if (holds_lease(config.state_dir, gone.address, id))
        TRY(take_off_device(host, bridge, gone.address));
    crash_point("service.off");
    if (bridge.index != 0 && TRY(has_rules(host, config)))
        TRY(put_rules_with(host, config, bridge,
                           {.id = id, .project = {}, .name = {}, .names = {}}));
    TRY(drop_lease(lease_path(config, gone.address), id));
    crash_point("service.released");
    auto removed = sys::remove_file(path_of(config, id));
    if (!removed && removed.error().code() != Code::not_found) return removed;
    // Goes with the last.
    (void)sys::remove_at(sys::kCwd, services_dir(config.state_dir));
    return {};
}

bool knows(const Service& service, const std::string& container) {
    return std::ranges::find(service.backends, container, &ServiceBackend::container) !=
           service.backends.end();
}

Result<> tell_here(Host& host, const BridgeConfig& config, const Bridge& bridge,
                   const std::string& container, const std::string& address) {
    for (Service& service : TRY(read_services(config.state_dir))) {
        if (!knows(service, container)) continue;
        for (ServiceBackend& backend : service.backends)
            if (backend.container == container && !address.empty()) backend.address = address;
        // Before the file, which says that it is so.
        if (bridge.index != 0) TRY(put_rules_with(host, config, bridge, service));
        forget_others(config, service);
        TRY(write_service(config, service));
    }
    return {};
}

}  // namespace

Result<PutService> put_service(const BridgeConfig& given, Service wanted,
                               const PutOptions& options) {
    const BridgeConfig config = TRY(complete(given));
    if (!config.between)
        return fail(Code::failed_precondition,
                    "service " + wanted.name +
                        ": containers of this network do not reach each other, nor by an address "
                        "of the service");
    PutService put;
    TRY(beside_bridge(config, [&]() -> Result<> {
        Host host = TRY(Host::open());
        put.warnings = TRY(ensure_bridge(host, config)).warnings;
        return with_bridge(host, config, [&](const Bridge& bridge) {
            return put_here(host, config, bridge, std::move(wanted), options, put);
        });
    }));
    return put;
}

Result<sys::UniqueFd> listen_for_service(const BridgeConfig& given, const std::string& address) {
    sys::UniqueFd socket;
    TRY(beside_bridge(given, [&]() -> Result<> {
        socket = TRY(sys::listen_tcp(address, 0, sys::kLongBacklog));
        return {};
    }));
    return socket;
}

Result<> remove_service(const BridgeConfig& given, const std::string& id) {
    const BridgeConfig config = TRY(complete(given));
    return beside_bridge(config, [&]() -> Result<> {
        Host host = TRY(Host::open());
        return with_present_bridge(host, config, [&](const Bridge& bridge) {
            return remove_here(host, config, bridge, id);
        });
    });
}

Result<> tell_services(const BridgeConfig& given, const std::string& container,
                       const std::string& address) {
    const BridgeConfig config = TRY(complete(given));
    auto services = TRY(read_services(config.state_dir));
    auto concerned = [&](const Service& service) { return knows(service, container); };
    if (std::ranges::none_of(services, concerned)) return {};
    return beside_bridge(config, [&]() -> Result<> {
        Host host = TRY(Host::open());
        return with_present_bridge(host, config, [&](const Bridge& bridge) {
            return tell_here(host, config, bridge, container, address);
        });
    });
}

}  // namespace crank::network
