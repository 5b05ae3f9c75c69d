// crank network inspect, and how networks are shown.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/format.h"
#include "cli/network.h"
#include "cli/output.h"
#include "cli/shown.h"
#include "cli/verbs.h"
#include "engine/lifecycle.h"
#include "oci/digest.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;
namespace networks = engine::networks;
using networks::Definition;

constexpr Flag kFlags[] = {
    {"format", 'f', FlagKind::value, "FORMAT",
     "json, or a template: {{(index .IPAM.Config 0).Subnet}}"},
    {"verbose", 'v', FlagKind::boolean, "", "of no effect: it is for Docker's swarms"},
};
constexpr std::string_view kExamples[] = {"crank network inspect front",
                                          "crank network inspect -f '{{.Internal}}' front"};

// Always the same of one root directory.
std::string id_of(const engine::Paths& paths, const std::string& name) {
    return oci::Digest::of("crank network " + name + " " + paths.root).hex();
}

ShownNetwork predefined(const engine::Paths& paths, const std::string& name,
                        const std::string& driver) {
    ShownNetwork network{.definition = {}, .driver = driver, .predefined = true};
    network.definition.id = id_of(paths, name);
    network.definition.name = name;
    if (driver != "bridge") return network;
    // It is decided on by the first container.
    network.definition.subnet = trim(sys::read_file(paths.network() + "/subnet", 64).value_or(""));
    if (!network.definition.subnet.empty()) (void)networks::complete(network.definition);
    return network;
}

std::vector<ShownNetwork> predefined_ones(const engine::Paths& paths) {
    return {predefined(paths, "bridge", "bridge"), predefined(paths, "host", "host"),
            predefined(paths, "none", "null")};
}

std::string state_of(const engine::Paths& paths, const ShownNetwork& network) {
    return network.predefined ? paths.network() : networks::state_of(paths, network.definition);
}

// Of the container's endpoints the one on this network; the default one may stand alone.
engine::EndpointRecord endpoint_of(const engine::Record& record, const ShownNetwork& network) {
    for (const engine::EndpointRecord& endpoint : record.networks)
        if (endpoint.network == network.definition.name) return endpoint;
    engine::EndpointRecord endpoint{.network = record.network.mode, .network_id = {}};
    endpoint.address = record.network.address;
    endpoint.prefix = record.network.prefix;
    endpoint.mac = record.network.mac;
    return endpoint;
}

std::string with_prefix(const std::string& address, int prefix) {
    return address.empty() ? "" : address + "/" + std::to_string(prefix);
}

Json containers_of(const engine::Paths& paths, const ShownNetwork& network) {
    Json containers = Json::object();
    if (network.driver != "bridge") return containers;
    auto holders = networks::holders(state_of(paths, network));
    if (!holders) return containers;
    for (const std::string& id : *holders) {
        auto container = engine::load(paths, id);
        if (!container) continue;  // a build's step, or one that is just going
        engine::EndpointRecord endpoint = endpoint_of(container->record, network);
        containers[id] = {{"Name", engine::shown_name(container->record)},
                          {"EndpointID", oci::Digest::of(network.definition.id + id).hex()},
                          {"MacAddress", endpoint.mac},
                          {"IPv4Address", with_prefix(endpoint.address, endpoint.prefix)},
                          {"IPv6Address", with_prefix(endpoint.address6, endpoint.prefix6)}};
    }
    return containers;
}

Json ranges_of(const Definition& definition) {
    Json all = Json::array();
    if (!definition.subnet.empty()) {
        Json one = {{"Subnet", definition.subnet}};
        if (!definition.range.empty()) one["IPRange"] = definition.range;
        one["Gateway"] = definition.gateway;
        all.push_back(one);
    }
    if (!definition.subnet6.empty())
        all.push_back({{"Subnet", definition.subnet6}, {"Gateway", definition.gateway6}});
    return all;
}

Result<int> perform(Invocation& invocation) {
    std::string format = invocation.arguments.value("format");
    Json all = Json::array();
    int code = 0;
    for (const std::string& name : invocation.arguments.words()) {
        Result<ShownNetwork> network = find_network(invocation.paths, name);
        if (!network) {
            report("network inspect", network.error(), invocation.debug);
            code = 1;
        } else if (format.empty()) {
            all.push_back(describe_network(invocation.paths, *network));
        } else {
            print(TRY(format_one(format, describe_network(invocation.paths, *network))));
        }
    }
    if (format.empty()) print_line(all.dump(4, ' ', false, Json::error_handler_t::replace));
    return code;
}

}  // namespace

Result<std::vector<ShownNetwork>> all_networks(const engine::Paths& paths) {
    std::vector<ShownNetwork> all = predefined_ones(paths);
    for (Definition& definition : TRY(networks::list(paths)))
        all.push_back({.definition = std::move(definition), .driver = "bridge"});
    std::ranges::sort(all, {}, [](const ShownNetwork& n) { return n.definition.name; });
    return all;
}

Result<ShownNetwork> find_network(const engine::Paths& paths, const std::string& name_or_id) {
    for (ShownNetwork& network : predefined_ones(paths)) {
        constexpr std::size_t kLeast = 4;  // shorter ones are more likely another's
        const Definition& definition = network.definition;
        if (name_or_id == definition.name ||
            (name_or_id.size() >= kLeast && definition.id.starts_with(name_or_id)))
            return std::move(network);
    }
    return ShownNetwork{.definition = TRY(networks::find(paths, name_or_id)), .driver = "bridge"};
}

Json describe_network(const engine::Paths& paths, const ShownNetwork& network) {
    const Definition& definition = network.definition;
    return {
        {"Name", definition.name},
        {"Id", definition.id},
        {"Created", rfc3339(definition.created_ns)},
        {"Scope", "local"},
        {"Driver", network.driver},
        {"EnableIPv4", true},
        {"EnableIPv6", !definition.subnet6.empty()},
        {"IPAM",
         {{"Driver", "default"}, {"Options", Json::object()}, {"Config", ranges_of(definition)}}},
        {"Internal", definition.internal},
        {"Attachable", definition.attachable},
        {"Ingress", false},
        {"ConfigFrom", {{"Network", ""}}},
        {"ConfigOnly", false},
        {"Containers", containers_of(paths, network)},
        {"Options", definition.options},
        {"Labels", definition.labels}};
}

constinit const Verb kNetworkInspect = {
    .name = "network inspect",
    .summary = "print everything about networks",
    .group = Group::containers,
    .syntax = {.flags = kFlags,
               .min_words = 1,
               .max_words = kAnyWords,
               .arguments = "NETWORK [NETWORK...]"},
    .examples = kExamples,
    .perform = perform,
};

}  // namespace crank::cli
