#include "engine/networks/connect.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/text.h"
#include "base/undo.h"
#include "engine/events.h"
#include "engine/lifecycle.h"
#include "engine/pasta_options.h"
#include "network/names.h"
#include "network/service.h"
#include "runtime/runtime.h"
#include "sys/file.h"
#include "sys/open_flags.h"

namespace crank::engine::networks {
namespace {

constexpr const char* kNone = "none";

// The container, and the lock that whoever changes its record holds.
struct Held {
    sys::UniqueFd lock;
    Container container;
};

Result<Held> hold(const Paths& paths, const std::string& name) {
    Container found = TRY(engine::find(paths, name));
    if (found.record.kind == Kind::native)
        return fail(Code::invalid_argument, "container " + found.record.name +
                                                " is a native worker, which has the host's "
                                                "network");
    Held held{TRY(lock_record(paths, found.record)), {}};
    held.container = TRY(load(paths, found.record.id));
    return held;
}

bool runs(const Container& container) { return container.state.status == Status::running; }

Result<sys::UniqueFd> open_namespace(const Container& container) {
    const State& state = container.state;
    sys::UniqueFd fd =
        TRY(sys::open("/proc/" + std::to_string(state.pid) + "/ns/net", sys::kReadOnly));
    // Between the look and the open the number could have changed hands.
    if (runtime::is_alive(state.pid, state.start_time)) return fd;
    return fail(Code::failed_precondition,
                "container " + container.record.name + " has just ended");
}

// The default network, which stands in the record without saying so while it is the only one.
EndpointRecord default_endpoint(const Record& record) {
    const NetworkRecord& network = record.network;
    EndpointRecord endpoint{
        .network = std::string(kDefaultNetwork), .network_id = {}, .wanted_ip = record.settings.ip};
    endpoint.address = network.address;
    endpoint.prefix = network.prefix;
    endpoint.gateway = network.gateway;
    endpoint.mac = network.mac;
    endpoint.host_device = network.host_device;
    endpoint.lease_path = network.lease_path;
    endpoint.device = "eth0";
    endpoint.leads_out = true;
    return endpoint;
}

std::vector<EndpointRecord> endpoints_of(const Record& record) {
    if (record.networks.empty() && record.network.mode == kDefaultNetwork)
        return {default_endpoint(record)};
    return record.networks;
}

network::Attachment attachment_of(const std::string& id, const EndpointRecord& record) {
    network::Attachment attachment;
    attachment.address = record.address;
    attachment.prefix = record.prefix;
    attachment.gateway = record.gateway;
    attachment.mac = record.mac;
    attachment.host_device = record.host_device;
    attachment.container_id = id;
    attachment.lease_path = record.lease_path;
    attachment.address6 = record.address6;
    attachment.prefix6 = record.prefix6;
    attachment.gateway6 = record.gateway6;
    attachment.lease6_path = record.lease6_path;
    attachment.device = record.device;
    attachment.leads_out = record.leads_out;
    return attachment;
}

// The first one's address stands for the container where there is room for one.
void set_endpoints(Record& record, std::vector<EndpointRecord> endpoints) {
    record.networks = std::move(endpoints);
    record.network = {.mode = record.networks.empty() ? kNone : record.networks.front().network};
    if (record.networks.empty()) return;
    const EndpointRecord& first = record.networks.front();
    record.network.address = first.address;
    record.network.prefix = first.prefix;
    record.network.gateway = first.gateway;
    record.network.mac = first.mac;
    record.network.host_device = first.host_device;
    record.network.lease_path = first.lease_path;
}

std::string free_device(const std::vector<EndpointRecord>& endpoints) {
    for (int number = 0;; ++number) {
        std::string name = "eth" + std::to_string(number);
        if (std::ranges::none_of(endpoints, [&](const auto& one) { return one.device == name; }))
            return name;
    }
}

Result<bool> leads_out(const Paths& paths, const EndpointRecord& endpoint) {
    if (endpoint.network_id.empty()) return true;
    return !TRY(find(paths, endpoint.network)).internal;
}

Result<bool> any_leads_out(const Paths& paths, const std::vector<EndpointRecord>& endpoints) {
    for (const EndpointRecord& endpoint : endpoints)
        if (TRY(leads_out(paths, endpoint))) return true;
    return false;
}

Result<> check_may_connect(const Record& record, const std::string& network) {
    const std::string& mode = record.network.mode;
    if (mode == "host" || mode == kPastaMode || mode.starts_with("container:"))
        return fail(Error(Code::failed_precondition,
                          "container " + record.name + " has " +
                              (mode == kPastaMode ? "a way out of its own"
                               : mode == "host"   ? "the network of this machine"
                                                  : "the network of another container") +
                              ", and can be connected to no other")
                        .with_hint("start another one with --network " + network));
    for (const EndpointRecord& endpoint : endpoints_of(record))
        if (endpoint.network == network)
            return fail(Code::already_exists,
                        "container " + record.name + " is already connected to network " + network);
    return {};
}

// Of a connect that was killed before the record knew of it.
Result<> drop_unknown(const Paths& paths, const std::string& id, const EndpointRecord& wanted) {
    if (wanted.network_id.empty()) return {};
    std::string state = paths.network_states() + "/" + wanted.network_id;
    TRY(network::sweep_leases({.state_dir = state},
                              [&](const std::string& holder) { return holder != id; }));
    return {};
}

// Of a container that runs: address and names, and what its monitor goes by.
Result<Endpoint> prepare(const Paths& paths, const Config& config, const Container& container,
                         const EndpointRecord& wanted, Home home,
                         std::vector<std::string>& warnings, Undo& undo) {
    const Record& record = container.record;
    Told told = TRY(read_told(paths, record.id)).value_or(Told{});
    std::vector<EndpointRecord> all = endpoints_of(record);
    TRY(drop_unknown(paths, record.id, wanted));
    Endpoint endpoint = TRY(join(paths, config, guest_of(record), wanted, home));
    undo.add([endpoint] { return leave(endpoint); });
    bool led = std::ranges::any_of(all, &EndpointRecord::leads_out);
    endpoint.record.leads_out = endpoint.attachment.leads_out = !led && !endpoint.bridge.internal;
    endpoint.record.device = endpoint.attachment.device = free_device(all);
    Told before = told;
    before.networks = all;
    all.push_back(endpoint.record);
    told.networks = all;
    told.asks_others = TRY(any_leads_out(paths, all));
    told.links.insert(told.links.end(), endpoint.names.begin(), endpoint.names.end());
    undo.add([&paths, id = record.id, before] { return tell_monitor(paths, id, before); });
    TRY(tell_monitor(paths, record.id, told));
    warnings = endpoint.attachment.warnings;
    if (told.port == 0)
        warnings.push_back("container " + record.name + " finds names of network " +
                           endpoint.record.network +
                           " once it has been started again; others find it by its names at once");
    return endpoint;
}

void note_network(const Paths& paths, const EndpointRecord& endpoint, const std::string& action,
                  const std::string& container) {
    note_event(
        paths,
        {.type = "network",
         .action = action,
         .id = endpoint.network_id,
         .attributes = {{"name", endpoint.network}, {"type", "bridge"}, {"container", container}}});
}

Result<EndpointRecord> wanted_of(const Paths& paths, const NetworkUse& use) {
    EndpointRecord wanted{.network = use.name,
                          .network_id = {},
                          .aliases = use.aliases,
                          .wanted_ip = use.ip,
                          .wanted_ip6 = use.ip6};
    if (use.name == kDefaultNetwork) return wanted;
    Definition definition = TRY(find(paths, use.name));
    wanted.network = definition.name;
    wanted.network_id = definition.id;
    return wanted;
}

Result<> tell_services(const Paths& paths, const EndpointRecord& endpoint, const std::string& id,
                       const std::string& address, Home home) {
    if (endpoint.network_id.empty()) return {};
    Result<Definition> definition = find(paths, endpoint.network);
    // With a network its services go.
    if (!definition || definition->id != endpoint.network_id) return {};
    return network::tell_services(bridge_of(paths, *definition, home), id, address);
}

}  // namespace

Result<> tell_services(const Paths& paths, const Record& record, Home home) {
    Result<> first;
    for (const EndpointRecord& endpoint : record.networks) {
        Result<> told = tell_services(paths, endpoint, record.id, endpoint.address, home);
        if (!told && first) first = std::move(told);
    }
    return first;
}

Result<> tell_ended(const Paths& paths, const std::string& id, Home home) {
    Result<> first;
    for (const Definition& definition : TRY(networks::list(paths))) {
        Result<> told = network::tell_services(bridge_of(paths, definition, home), id, "");
        if (!told && first) first = std::move(told);
    }
    return first;
}

Result<std::vector<std::string>> connect(const Paths& paths, const Config& config,
                                         const std::string& container, const NetworkUse& use,
                                         Home home) {
    EndpointRecord wanted = TRY(wanted_of(paths, use));
    Held held = TRY(hold(paths, container));
    Record& record = held.container.record;
    TRY(check_may_connect(record, wanted.network));
    std::vector<EndpointRecord> all = endpoints_of(record);
    std::vector<std::string> warnings;
    Undo undo;
    auto work = [&]() -> Result<> {
        sys::UniqueFd space;
        std::optional<Endpoint> endpoint;
        if (runs(held.container)) {
            space = TRY(open_namespace(held.container));
            endpoint = TRY(prepare(paths, config, held.container, wanted, home, warnings, undo));
            wanted = endpoint->record;
        }
        undo.add([&paths, before = record] { return write_record(paths, before); });
        all.push_back(wanted);
        set_endpoints(record, all);
        TRY(write_record(paths, record));
        crash_point("network.connect.recorded");
        // The device last: whoever finds it without a record would not know what it is. With a
        // record and without a device, `disconnect` clears up.
        if (!endpoint) return {};
        TRY(network::connect(endpoint->bridge, endpoint->attachment, space.get()));
        return tell_services(paths, record, home);
    };
    if (Result<> done = work(); !done) return fail(undo.run(std::move(done).error()));
    undo.commit();
    note_network(paths, wanted, "connect", record.id);
    return warnings;
}

namespace {

// Published ports lead to the first network's address until the container ends: nobody else may
// have it meanwhile.
bool keeps_address(const Record& record, const EndpointRecord& gone) {
    return !record.ports.empty() && !gone.address.empty() &&
           gone.network == endpoints_of(record).front().network;
}

// What is left of what the monitor goes by; names that are dropped are taken back.
Result<> tell_without(const Paths& paths, const Record& record, const EndpointRecord& gone,
                      const std::vector<EndpointRecord>& rest) {
    std::optional<Told> told = TRY(read_told(paths, record.id));
    if (!told) return {};
    std::string dir = paths.network_states() + "/" + gone.network_id + "/";
    std::vector<std::string> dropped;
    bool keeps = keeps_address(record, gone);
    std::erase_if(told->links, [&](const std::string& link) {
        bool its = !gone.network_id.empty() && link.starts_with(dir) &&
                   !(keeps && (link == gone.lease_path || link == gone.lease6_path));
        if (its) dropped.push_back(link);
        return its;
    });
    told->networks = rest;
    told->asks_others = TRY(any_leads_out(paths, rest));
    TRY(tell_monitor(paths, record.id, *told));
    network::remove_names(dropped, record.id);
    return {};
}

Result<> disconnect_running(const Paths& paths, const Container& container,
                            const EndpointRecord& gone, std::vector<EndpointRecord>& rest,
                            Home home) {
    sys::UniqueFd space = TRY(open_namespace(container));
    const std::string& id = container.record.id;
    EndpointRecord* successor = nullptr;
    for (EndpointRecord& one : rest)
        if (gone.leads_out && successor == nullptr && TRY(leads_out(paths, one))) successor = &one;
    if (successor != nullptr) successor->leads_out = true;
    std::optional<network::Attachment> next;
    if (successor != nullptr) next = attachment_of(id, *successor);
    TRY(tell_without(paths, container.record, gone, rest));
    TRY(network::disconnect({.home = home}, attachment_of(id, gone), space.get(),
                            next ? &*next : nullptr));
    return keeps_address(container.record, gone) ? Result<>() : leave(id, gone);
}

}  // namespace

Result<std::vector<std::string>> disconnect(const Paths& paths, const std::string& container,
                                            const std::string& network, Home home) {
    std::string name = network;
    if (name != kDefaultNetwork) name = TRY(find(paths, network)).name;
    Held held = TRY(hold(paths, container));
    Record& record = held.container.record;
    std::vector<EndpointRecord> rest = endpoints_of(record);
    auto found = std::ranges::find(rest, name, &EndpointRecord::network);
    if (found == rest.end())
        return fail(Code::not_found,
                    "container " + record.name + " is not connected to network " + name);
    EndpointRecord gone = std::move(*found);
    rest.erase(found);
    std::vector<std::string> warnings;
    if (runs(held.container)) {
        TRY(disconnect_running(paths, held.container, gone, rest, home));
        crash_point("network.disconnect.gone");
        if (keeps_address(record, gone))
            warnings.push_back("published ports of " + record.name + " led to network " + name +
                               ", and lead nowhere until it has been started again; the address " +
                               gone.address + " is kept for it until then");
    }
    set_endpoints(record, std::move(rest));
    TRY(write_record(paths, record));
    TRY(tell_services(paths, gone, record.id, "", home));
    note_network(paths, gone, "disconnect", record.id);
    return warnings;
}

Result<> rename(const Paths& paths, const Record& record, const std::string& former) {
    std::optional<Told> told = TRY(read_told(paths, record.id));
    if (!told) return {};
    std::vector<std::string> old;
    for (const EndpointRecord& endpoint : record.networks) {
        if (endpoint.network_id.empty() || endpoint.address.empty()) continue;
        std::string dir = paths.network_states() + "/" + endpoint.network_id;
        auto added =
            TRY(network::add_names(dir, attachment_of(record.id, endpoint), {record.name}));
        for (std::string& link : added)
            if (std::ranges::find(told->links, link) == told->links.end())
                told->links.push_back(std::move(link));
        // It may have the former name for another reason.
        bool kept = former == record.hostname ||
                    std::ranges::find(endpoint.aliases, former) != endpoint.aliases.end();
        if (!kept) old.push_back(network::names_dir(dir, former) + "/" + endpoint.address);
    }
    std::erase_if(told->links, [&](const std::string& link) {
        return std::ranges::find(old, link) != old.end();
    });
    told->networks = endpoints_of(record);
    TRY(tell_monitor(paths, record.id, *told));
    network::remove_names(old, record.id);
    return {};
}

}  // namespace crank::engine::networks
