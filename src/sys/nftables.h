// nf_tables (linux/netfilter/nf_tables.h, Linux 5.2): tables, chains, sets and rules of the
// families `ip` and `ip6`, in batches that are all or nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/ipv4.h"
#include "sys/ipv6.h"
#include "sys/netlink.h"

namespace crank::sys {

inline constexpr std::uint8_t kTcp = 6, kUdp = 17;  // IANA's numbers

// One rule: conditions from left to right, then what happens to a packet that meets all of them.
// Device names are those of the packet's way through the host ("in" is where it came from).
class NftRule {
public:
    explicit NftRule(std::string comment) : comment_(std::move(comment)) {}
    NftRule& in_device(const std::string& name);
    NftRule& in_device_is_not(const std::string& name);
    NftRule& out_device(const std::string& name);
    NftRule& out_device_is_not(const std::string& name);
    NftRule& in_device_among(const std::string& set);
    NftRule& out_device_among(const std::string& set);
    NftRule& source_in(const Ipv4Prefix& range);
    NftRule& source_in(const Ipv6Prefix& range);  // of an ip6 table
    NftRule& destination_is(Ipv4 address);
    NftRule& destination_among(const std::string& set);  // of IPv4 addresses
    NftRule& is_tcp();
    // With `protocol` kTcp or kUdp.
    NftRule& destination_port_is(std::uint8_t protocol, std::uint16_t port);
    NftRule& is_no_answer();   // neither "established" nor "related" for connection tracking
    NftRule& is_redirected();  // to another address than it was sent to
    NftRule& one_in(std::uint32_t count);  // by chance
    NftRule& drop();
    NftRule& accept();  // by this chain: others of the hook go on
    NftRule& reset();   // of TCP, with its own refusal; at the input hook
    NftRule& refuse();  // with "port unreachable"; at the input hook
    NftRule& masquerade();
    NftRule& send_to(Ipv4 address);  // instead of where it was sent to; at prerouting_nat
    NftRule& send_to(Ipv4 address, std::uint16_t port);
    NftRule& redirect_to(std::uint16_t port);  // of the address of this host that it is for

private:
    friend class NftBatch;
    using Step = std::function<void(NetlinkBatch&)>;  // writes one or two expressions
    NftRule& add(Step step);
    std::string comment_;  // shown by `nft list ruleset`; at most 250 bytes
    std::vector<Step> steps_;
};

enum class NftHook { input, forward, prerouting_nat, postrouting_nat, output_nat };
enum class NftFamily : std::uint8_t { ip, ip6 };

// Changes that become true together or not at all. A batch that the kernel refuses costs 8 ms (it
// waits for RCU): find out first whether a table exists.
class NftBatch {
public:
    explicit NftBatch(NftFamily family = NftFamily::ip);
    void add_table(const std::string& table);
    void delete_table(const std::string& table);
    // A base chain with policy accept at its hook's usual priority.
    void add_chain(const std::string& table, const std::string& chain, NftHook hook);
    void add_device_set(const std::string& table, const std::string& set,
                        const std::vector<std::string>& devices);
    void add_address_set(const std::string& table, const std::string& set,
                         const std::vector<Ipv4>& addresses);
    void add_rule(const std::string& table, const std::string& chain, const NftRule& rule);

private:
    friend class NftSocket;
    struct KeyType {
        std::uint32_t number, length, byte_order;
    };
    void add_set(const std::string& table, const std::string& set, const KeyType& type,
                 const std::vector<std::vector<std::byte>>& keys);
    NetlinkBatch batch_;
    NftFamily family_;
    std::uint32_t next_set_ = 1;
};

// A base chain of the host that drops what no rule of it accepts.
struct NftDroppingChain {
    std::string family, table, chain;  // "ip", "filter", "FORWARD"
};

class NftSocket {
public:
    static Result<NftSocket> open();  // unsupported: a kernel without nf_tables
    Result<bool> has_table(const std::string& table, NftFamily family = NftFamily::ip);
    Result<> apply(NftBatch& batch);
    // Chains at a filter hook (input, forward) of ip and inet with policy drop. iptables-nft's are
    // among them, iptables-legacy's are not.
    Result<std::vector<NftDroppingChain>> dropping_chains(NftHook at);

private:
    explicit NftSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
    NetlinkSocket socket_;
};

}  // namespace crank::sys
