#include "network/rules.h"

#include "sys/ipv6.h"

namespace crank::network {

namespace {

using sys::NftBatch;
using sys::NftFamily;
using sys::NftHook;
using sys::NftRule;

void keep_inside(NftBatch& batch, const std::string& table, const std::string& device) {
    NftRule outward("nothing leads out of an internal network");
    outward.in_device(device).out_device_is_not(device).drop();
    batch.add_rule(table, "forward", outward);
    NftRule inward("and nothing into it");
    inward.in_device_is_not(device).out_device(device).drop();
    batch.add_rule(table, "forward", inward);
    // The bridge's own address would otherwise be a way to what listens on this host.
    batch.add_chain(table, "input", NftHook::input);
    NftRule to_host("the host speaks to it, and not the other way round");
    to_host.in_device(device).is_no_answer().drop();
    batch.add_rule(table, "input", to_host);
}

// Range is of the batch's family.
template <class Range>
Result<> put_table(Host& host, const BridgeConfig& config, const Range& range, NftFamily family) {
    const std::string table = table_of(config);
    NftBatch batch(family);
    if (TRY(host.nft.has_table(table, family))) batch.delete_table(table);
    batch.add_table(table);
    batch.add_chain(table, "forward", NftHook::forward);
    if (config.internal) {
        keep_inside(batch, table, config.device);
        return host.nft.apply(batch);
    }
    NftRule uninvited("nobody outside reaches a port that was not published");
    uninvited.in_device_is_not(config.device).out_device(config.device).is_no_answer().drop();
    batch.add_rule(table, "forward", uninvited);
    if (config.masquerade) {
        batch.add_chain(table, "postrouting", NftHook::postrouting_nat);
        NftRule outward("containers speak with the host's address");
        outward.source_in(range).out_device_is_not(config.device).masquerade();
        batch.add_rule(table, "postrouting", outward);
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

Result<> put_rules(Host& host, const BridgeConfig& config, const sys::Ipv4Prefix& subnet) {
    TRY(put_table(host, config, subnet, NftFamily::ip));
    if (config.subnet6.empty()) return {};
    auto subnet6 = sys::parse_ipv6_prefix(config.subnet6);
    if (!subnet6) return fail(Code::corrupt, "no IPv6 range: " + config.subnet6);
    return put_table(host, config, *subnet6, NftFamily::ip6);
}

Result<> remove_rules(Host& host, const BridgeConfig& config) {
    TRY(remove_table(host, table_of(config), NftFamily::ip));
    return remove_table(host, table_of(config), NftFamily::ip6);
}

}  // namespace crank::network
