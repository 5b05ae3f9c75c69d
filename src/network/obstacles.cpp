#include "network/obstacles.h"

#include "network/bridge.h"
#include "network/network.h"
#include "sys/iptables.h"

namespace crank::network {

namespace {

std::string describe(const std::string& family, const std::string& table, const std::string& chain,
                     const std::string& device) {
    std::string text = "the host's chain " + chain + " of table " + family + " " + table +
                       " drops forwarded packets that no rule of it accepts: containers may reach "
                       "no other host; ";
    // iptables-nft's tables have their old names, and Docker asks that rules of others stand here.
    if (table == "filter" && chain == "FORWARD") {
        return text + "allow them: iptables -I FORWARD -i " + device +
               " -j ACCEPT; iptables -I FORWARD -o " + device +
               " -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT (with Docker, put them into "
               "the chain DOCKER-USER)";
    }
    const std::string rule = "nft insert rule " + family + " " + table + " " + chain;
    return text + "allow them: " + rule + " iifname " + device + " accept; " + rule + " oifname " +
           device + " ct state established,related accept";
}

}  // namespace

Result<std::vector<std::string>> find_obstacles(Host& host, const std::string& device) {
    std::vector<std::string> found;
    for (const auto& chain : TRY(host.nft.dropping_chains(sys::NftHook::forward)))
        found.push_back(describe(chain.family, chain.table, chain.chain, device));
    if (TRY(sys::legacy_drops(sys::LegacyChain::forward)))
        found.push_back(describe("ip", "filter", "FORWARD", device));
    return found;
}

namespace {

std::vector<std::string> dropping(sys::NftHook hook, sys::LegacyChain legacy,
                                  const std::string& name) {
    std::vector<std::string> found;
    auto add = [&](const std::string& family, const std::string& table, const std::string& chain) {
        found.push_back("chain " + chain + " of table " + family + " " + table);
    };
    Result<Host> host = Host::open();
    if (!host) return found;
    if (auto chains = host->nft.dropping_chains(hook))
        for (const auto& chain : *chains) add(chain.family, chain.table, chain.chain);
    if (sys::legacy_drops(legacy).value_or(false)) add("ip", "filter", name);
    return found;
}

}  // namespace

std::vector<std::string> drops_forwarded() {
    return dropping(sys::NftHook::forward, sys::LegacyChain::forward, "FORWARD");
}

std::vector<std::string> drops_incoming() {
    return dropping(sys::NftHook::input, sys::LegacyChain::input, "INPUT");
}

Result<std::vector<std::string>> forward_obstacles(const BridgeConfig& given) {
    const BridgeConfig config = TRY(complete(given));
    Host host = TRY(Host::open());
    return find_obstacles(host, config.device);
}

}  // namespace crank::network
