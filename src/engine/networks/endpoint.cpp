#include "engine/networks/endpoint.h"

#include <algorithm>

#include "base/text.h"
#include "base/undo.h"
#include "engine/names.h"
#include "network/names.h"
#include "shim/wire.h"
#include "sys/file.h"

namespace crank::engine::networks {
namespace {

constexpr std::size_t kMaxTold = std::size_t{1} << 20;

std::string told_path(const Paths& paths, const std::string& id) {
    return paths.monitor(id) + "/" + shim::kNetworksFile;
}

Result<network::Attachment> take_lease(const Paths& paths, const network::BridgeConfig& bridge,
                                       const std::string& id,
                                       const network::WantedAddresses& wanted) {
    Result<network::Attachment> lease = network::lease(bridge, id, wanted);
    bool taken = !lease && (lease.error().code() == Code::exhausted ||
                            lease.error().code() == Code::already_exists);
    if (!taken) return lease;
    auto lives = [&](const std::string& holder) {
        return sys::exists(paths.container(holder)) || sys::exists(paths.monitor(holder));
    };
    if (TRY(network::sweep_leases(bridge, lives)) == 0) return lease;
    return network::lease(bridge, id, wanted);
}

void note(const network::Attachment& attachment, EndpointRecord& record) {
    record.address = attachment.address;
    record.prefix = attachment.prefix;
    record.gateway = attachment.gateway;
    record.mac = attachment.mac;
    record.host_device = attachment.host_device;
    record.lease_path = attachment.lease_path;
    record.address6 = attachment.address6;
    record.prefix6 = attachment.prefix6;
    record.gateway6 = attachment.gateway6;
    record.lease6_path = attachment.lease6_path;
}

}  // namespace

network::BridgeConfig default_bridge(const Paths& paths, const Config& config, Home home) {
    return {.device = config.text("network.device"),
            .subnet = config.text("network.subnet"),
            .state_dir = paths.network(),
            .home = home};
}

Guest guest_of(const Record& record) {
    Guest guest{record.id, {record.name, record.id.substr(0, kShortIdLength)}};
    if (record.hostname != guest.names.back()) guest.names.push_back(record.hostname);
    return guest;
}

Result<Endpoint> join(const Paths& paths, const Config& config, const Guest& guest,
                      const EndpointRecord& wanted, Home home) {
    Endpoint endpoint{.record = {.network = wanted.network,
                                 .network_id = {},
                                 .aliases = wanted.aliases,
                                 .wanted_ip = wanted.wanted_ip,
                                 .wanted_ip6 = wanted.wanted_ip6},
                      .bridge = {},
                      .attachment = {}};
    bool own = wanted.network != kDefaultNetwork;
    if (own) {
        Definition definition = TRY(find(paths, wanted.network));
        endpoint.record.network = definition.name;
        endpoint.record.network_id = definition.id;
        endpoint.bridge = bridge_of(paths, definition, home);
    } else {
        endpoint.bridge = default_bridge(paths, config, home);
    }
    endpoint.attachment = TRY(take_lease(paths, endpoint.bridge, guest.id,
                                         {.ip = wanted.wanted_ip, .ip6 = wanted.wanted_ip6}));
    note(endpoint.attachment, endpoint.record);
    if (!own) return endpoint;
    std::vector<std::string> names = guest.names;
    names.insert(names.end(), wanted.aliases.begin(), wanted.aliases.end());
    auto added = network::add_names(endpoint.bridge.state_dir, endpoint.attachment, names);
    if (!added) {
        Undo undo;
        undo.add([&] { return network::release(endpoint.attachment); });
        return fail(undo.run(std::move(added).error()));
    }
    endpoint.names = std::move(*added);
    return endpoint;
}

Result<> leave(const Endpoint& endpoint) {
    network::remove_names(endpoint.names, endpoint.attachment.container_id);
    return network::release(endpoint.attachment);
}

Result<> leave(const std::string& id, const EndpointRecord& record) {
    network::Attachment attachment;
    attachment.container_id = id;
    attachment.lease_path = record.lease_path;
    attachment.lease6_path = record.lease6_path;
    return record.lease_path.empty() ? Result<>{} : network::release(attachment);
}

void arrange(std::vector<Endpoint>& endpoints) {
    bool led = false;
    int number = 0;
    for (Endpoint& endpoint : endpoints) {
        bool leads = !led && !endpoint.bridge.internal;
        led = led || leads;
        endpoint.attachment.leads_out = endpoint.record.leads_out = leads;
        endpoint.attachment.device = endpoint.record.device = "eth" + std::to_string(number++);
    }
}

Result<> tell_monitor(const Paths& paths, const std::string& id, const Told& told) {
    std::string text;
    if (told.port != 0) text += "port " + std::to_string(told.port) + "\n";
    if (told.asks_others) text += "ask\n";
    for (const EndpointRecord& endpoint : told.networks)
        if (!endpoint.network_id.empty())
            text += "network " + to_lower(endpoint.network) + " " + paths.network_states() + "/" +
                    endpoint.network_id + "\n";
    // Leases first: with them the names have come to an end.
    for (const EndpointRecord& endpoint : told.networks)
        for (const std::string& path : {endpoint.lease_path, endpoint.lease6_path})
            if (!path.empty()) text += "drop " + path + "\n";
    for (const std::string& link : told.links) text += "drop " + link + "\n";
    return sys::write_file_atomic(told_path(paths, id), text, 0600, sys::Sync::no);
}

Result<std::optional<Told>> read_told(const Paths& paths, const std::string& id) {
    Result<std::string> text = sys::read_file(told_path(paths, id), kMaxTold);
    if (!text && text.error().code() == Code::not_found) return std::optional<Told>();
    Told told;
    for (const std::string& line : split(TRY(std::move(text)), '\n')) {
        std::size_t blank = line.find(' ');
        std::string word = line.substr(0, blank);
        std::string rest = blank == std::string::npos ? "" : line.substr(blank + 1);
        if (word == "port")
            told.port = static_cast<std::uint16_t>(parse_int(rest).value_or(0));
        else if (word == "ask")
            told.asks_others = true;
        // Those of leases follow from the networks.
        else if (word == "drop" && rest.find("/leases/") == std::string::npos)
            told.links.push_back(rest);
    }
    return std::optional(std::move(told));
}

void take_back(const Paths& paths, const std::string& id) {
    Result<std::optional<Told>> told = read_told(paths, id);
    if (told && *told) network::remove_names((*told)->links, id);
}

}  // namespace crank::engine::networks
