#include "network/rules.h"

#include <type_traits>

#include "sys/ipv6.h"

namespace crank::network {

namespace {

using sys::NftBatch;
using sys::NftFamily;
using sys::NftHook;
using sys::NftRule;

constexpr const char* kServices = "services";

void keep_inside(NftBatch& batch, const std::string& table, const std::string& device) {
    NftRule outward("nothing leads out of an internal network");
    outward.in_device(device).out_device_is_not(device).drop();
    batch.add_rule(table, "forward", outward);
    NftRule inward("and nothing into it");
    inward.in_device_is_not(device).out_device(device).drop();
    batch.add_rule(table, "forward", inward);
    // The bridge's own address would otherwise be a way to what listens on this host.
    NftRule to_host("the host speaks to it, and not the other way round");
    to_host.in_device(device).is_no_answer().drop();
    batch.add_rule(table, "input", to_host);
}

void keep_out(NftBatch& batch, const std::string& table, const std::string& device) {
    NftRule uninvited("nobody outside reaches a port that was not published");
    uninvited.in_device_is_not(device).out_device(device).is_no_answer().drop();
    batch.add_rule(table, "forward", uninvited);
}

std::string comment_of(const Service& service) {
    return "service " + service.name + " of project " + service.project;
}

// To who listens for it at the same address. Before what is led to containers.
void lead_relayed(NftBatch& batch, const std::string& table, const std::string& device,
                  const Service& service) {
    auto address = sys::parse_ipv4(service.address);
    if (!address) return;
    for (const auto& [port, listener] : service.relayed) {
        NftRule rule(comment_of(service) + ", by requests");
        rule.in_device(device).destination_is(*address).destination_port_is(sys::kTcp, port);
        batch.add_rule(table, "prerouting", rule.send_to(*address, listener));
    }
}

void take_relayed(NftBatch& batch, const std::string& table, const std::string& device,
                  const Service& service) {
    auto address = sys::parse_ipv4(service.address);
    if (!address) return;
    for (const auto& [port, listener] : service.relayed) {
        NftRule rule(comment_of(service) + ", by requests");
        rule.in_device(device).destination_is(*address).destination_port_is(sys::kTcp, listener);
        batch.add_rule(table, "input", rule.accept());
    }
}

// The address is one of this host's: what is led nowhere would reach whatever listens on all of
// them.
void refuse_the_rest(NftBatch& batch, const std::string& table, const std::string& device,
                     const std::vector<Service>& services) {
    NftRule elsewhere("a service's address is its network's alone");
    elsewhere.destination_among(kServices).in_device_is_not(device).in_device_is_not("lo").drop();
    batch.add_rule(table, "input", elsewhere);
    for (const Service& service : services) take_relayed(batch, table, device, service);
    // But for answers: what this host asks of itself is refused from that address to that address.
    NftRule connection("no container of the service runs");
    connection.destination_among(kServices).is_no_answer().is_tcp().reset();
    batch.add_rule(table, "input", connection);
    NftRule rest("no container of the service runs");
    rest.destination_among(kServices).is_no_answer().refuse();
    batch.add_rule(table, "input", rest);
}

// Each has the same share: one of n, then one of the n - 1 that are left, ...
void lead_to(NftBatch& batch, const std::string& table, const std::string& device,
             const Service& service) {
    auto left = static_cast<std::uint32_t>(service.backends.size());
    for (const ServiceBackend& backend : service.backends) {
        auto address = sys::parse_ipv4(service.address), to = sys::parse_ipv4(backend.address);
        if (!address || !to) continue;
        NftRule rule(comment_of(service));
        rule.in_device(device).destination_is(*address).one_in(left--).send_to(*to);
        batch.add_rule(table, "prerouting", rule);
    }
}

std::vector<sys::Ipv4> addresses_of(const std::vector<Service>& services) {
    std::vector<sys::Ipv4> addresses;
    for (const Service& service : services)
        if (auto address = sys::parse_ipv4(service.address)) addresses.push_back(*address);
    return addresses;
}

// The first part of postrouting and input too, in which the order counts.
void put_services(NftBatch& batch, const BridgeConfig& config, const sys::Ipv4Prefix& subnet,
                  const std::vector<Service>& services) {
    const std::string table = table_of(config);
    batch.add_address_set(table, kServices, addresses_of(services));
    batch.add_chain(table, "prerouting", NftHook::prerouting_nat);
    for (const Service& service : services) {
        lead_relayed(batch, table, config.device, service);
        lead_to(batch, table, config.device, service);
    }
    // Seen from its neighbour a container would answer past this host, with its own address.
    NftRule back("a service's container answers by way of this host");
    back.source_in(subnet).out_device(config.device).is_redirected().masquerade();
    batch.add_rule(table, "postrouting", back);
    refuse_the_rest(batch, table, config.device, services);
}

// Range is of the batch's family.
template <class Range>
Result<> put_table(Host& host, const BridgeConfig& config, const Range& range, NftFamily family,
                   const std::vector<Service>& services) {
    const std::string table = table_of(config);
    NftBatch batch(family);
    if (TRY(host.nft.has_table(table, family))) batch.delete_table(table);
    batch.add_table(table);
    batch.add_chain(table, "forward", NftHook::forward);
    const bool outward = config.masquerade && !config.internal;
    if (outward || !services.empty())
        batch.add_chain(table, "postrouting", NftHook::postrouting_nat);
    if (config.internal || !services.empty()) batch.add_chain(table, "input", NftHook::input);
    if constexpr (std::is_same_v<Range, sys::Ipv4Prefix>)
        if (!services.empty()) put_services(batch, config, range, services);
    if (config.internal)
        keep_inside(batch, table, config.device);
    else
        keep_out(batch, table, config.device);
    if (outward) {
        NftRule rule("containers speak with the host's address");
        rule.source_in(range).out_device_is_not(config.device).masquerade();
        batch.add_rule(table, "postrouting", rule);
    }
    return host.nft.apply(batch);
}

Result<> remove_table(Host& host, const std::string& table, NftFamily family) {
    auto has = host.nft.has_table(table, family);
    // A kernel without IPv6's.
    if (!has && has.error().code() == Code::unsupported) return {};
    if (!TRY(std::move(has))) return {};
    NftBatch batch(family);
    batch.delete_table(table);
    return host.nft.apply(batch);
}

}  // namespace

std::string table_of(const BridgeConfig& config) { return "crank_" + config.device; }

Result<bool> has_rules(Host& host, const BridgeConfig& config) {
    if (!TRY(host.nft.has_table(table_of(config)))) return false;
    return config.subnet6.empty() || TRY(host.nft.has_table(table_of(config), NftFamily::ip6));
}

Result<> put_rules(Host& host, const BridgeConfig& config, const sys::Ipv4Prefix& subnet,
                   const std::vector<Service>& services) {
    TRY(put_table(host, config, subnet, NftFamily::ip, services));
    if (config.subnet6.empty()) return {};
    auto subnet6 = sys::parse_ipv6_prefix(config.subnet6);
    if (!subnet6) return fail(Code::corrupt, "no IPv6 range: " + config.subnet6);
    return put_table(host, config, *subnet6, NftFamily::ip6, {});
}

Result<> remove_rules(Host& host, const BridgeConfig& config) {
    TRY(remove_table(host, table_of(config), NftFamily::ip));
    return remove_table(host, table_of(config), NftFamily::ip6);
}

}  // namespace crank::network
