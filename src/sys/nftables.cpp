#include "sys/nftables.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>

#include <array>
#include <cstring>

namespace crank::sys {

namespace {

// nft's numbers, for it to print the sets.
constexpr std::uint32_t kDeviceNameType = 41, kAddressType = 7;
constexpr std::uint32_t kHostByteOrder = 1, kBigEndian = 2;
constexpr std::uint8_t kCommentKey = 0;    // NFTNL_UDATA_RULE_COMMENT, what nft prints
constexpr std::uint8_t kKeyByteOrder = 0;  // NFTNL_UDATA_SET_KEYBYTEORDER
constexpr std::size_t kCommentLimit = 250;

std::uint16_t nft_type(int message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

nfgenmsg nft_header(std::uint8_t family = NFPROTO_IPV4) {
    nfgenmsg header{};
    header.nfgen_family = family;
    header.version = NFNETLINK_V0;
    return header;
}

void put_value(NetlinkBatch& batch, std::uint16_t attribute, std::span<const std::byte> value) {
    auto data = batch.nest(attribute);
    batch.put(NFTA_DATA_VALUE, value);
}

std::uint8_t number_of(NftFamily family) {
    return family == NftFamily::ip ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

std::string name_of(NftFamily family) { return family == NftFamily::ip ? "ip" : "ip6"; }

std::string family_name(std::uint8_t family) { return family == NFPROTO_INET ? "inet" : "ip"; }

}  // namespace

NftBatch::NftBatch(NftFamily family) : family_(family) {
    nfgenmsg header = nft_header(NFPROTO_UNSPEC);
    header.res_id = htons(NFNL_SUBSYS_NFTABLES);
    batch_.begin(NFNL_MSG_BATCH_BEGIN, 0, bytes_of(header), "begin nf_tables changes",
                 NetlinkBatch::Ack::no);
}

void NftBatch::add_table(const std::string& table) {
    batch_.begin(nft_type(NFT_MSG_NEWTABLE), NLM_F_CREATE | NLM_F_EXCL,
                 bytes_of(nft_header(number_of(family_))),
                 "create nf_tables table " + name_of(family_) + " " + table);
    batch_.put_string(NFTA_TABLE_NAME, table);
}

void NftBatch::delete_table(const std::string& table) {
    batch_.begin(nft_type(NFT_MSG_DELTABLE), 0, bytes_of(nft_header(number_of(family_))),
                 "delete nf_tables table " + name_of(family_) + " " + table);
    batch_.put_string(NFTA_TABLE_NAME, table);
}

namespace {

struct Hook {
    const char* type;
    std::uint32_t number;
    int priority;
};

Hook hook_of(NftHook hook) {
    switch (hook) {
        case NftHook::input: return {"filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER};
        case NftHook::forward: return {"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER};
        case NftHook::prerouting_nat: return {"nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST};
        case NftHook::output_nat: return {"nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST};
        case NftHook::postrouting_nat: break;
    }
    return {"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC};
}

}  // namespace

void NftBatch::add_chain(const std::string& table, const std::string& chain, NftHook hook) {
    const Hook where = hook_of(hook);
    batch_.begin(nft_type(NFT_MSG_NEWCHAIN), NLM_F_CREATE | NLM_F_EXCL,
                 bytes_of(nft_header(number_of(family_))),
                 "create nf_tables chain " + table + " " + chain);
    batch_.put_string(NFTA_CHAIN_TABLE, table);
    batch_.put_string(NFTA_CHAIN_NAME, chain);
    batch_.put_string(NFTA_CHAIN_TYPE, where.type);
    batch_.put_be32(NFTA_CHAIN_POLICY, NF_ACCEPT);
    auto nest = batch_.nest(NFTA_CHAIN_HOOK);
    batch_.put_be32(NFTA_HOOK_HOOKNUM, where.number);
    batch_.put_be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(where.priority));
}

void NftBatch::add_set(const std::string& table, const std::string& set, const KeyType& type,
                       const std::vector<std::vector<std::byte>>& keys) {
    std::string what = "create nf_tables set " + table + " " + set;
    batch_.begin(nft_type(NFT_MSG_NEWSET), NLM_F_CREATE | NLM_F_EXCL,
                 bytes_of(nft_header(number_of(family_))), what);
    batch_.put_string(NFTA_SET_TABLE, table);
    batch_.put_string(NFTA_SET_NAME, set);
    batch_.put_be32(NFTA_SET_KEY_TYPE, type.number);
    batch_.put_be32(NFTA_SET_KEY_LEN, type.length);
    batch_.put_be32(NFTA_SET_ID, next_set_++);
    struct {
        std::uint8_t type, length;
        std::array<std::uint8_t, 4> value;
    } order{kKeyByteOrder, 4, {}};
    std::memcpy(order.value.data(), &type.byte_order, sizeof type.byte_order);
    batch_.put(NFTA_SET_USERDATA, bytes_of(order));
    batch_.begin(nft_type(NFT_MSG_NEWSETELEM), NLM_F_CREATE,
                 bytes_of(nft_header(number_of(family_))), what);
    batch_.put_string(NFTA_SET_ELEM_LIST_TABLE, table);
    batch_.put_string(NFTA_SET_ELEM_LIST_SET, set);
    auto elements = batch_.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    for (const std::vector<std::byte>& key : keys) {
        auto element = batch_.nest(NFTA_LIST_ELEM);
        put_value(batch_, NFTA_SET_ELEM_KEY, key);
    }
}

void NftBatch::add_device_set(const std::string& table, const std::string& set,
                              const std::vector<std::string>& devices) {
    std::vector<std::vector<std::byte>> keys;
    for (const std::string& device : devices) {
        std::vector<std::byte> key(IFNAMSIZ);
        std::memcpy(key.data(), device.data(), std::min<std::size_t>(device.size(), IFNAMSIZ - 1));
        keys.push_back(std::move(key));
    }
    add_set(table, set, {kDeviceNameType, IFNAMSIZ, kHostByteOrder}, keys);
}

void NftBatch::add_address_set(const std::string& table, const std::string& set,
                               const std::vector<Ipv4>& addresses) {
    std::vector<std::vector<std::byte>> keys;
    for (const Ipv4& address : addresses) {
        const std::uint32_t value = htonl(address.value);
        auto bytes = bytes_of(value);
        keys.emplace_back(bytes.begin(), bytes.end());
    }
    add_set(table, set, {kAddressType, sizeof(std::uint32_t), kBigEndian}, keys);
}

void NftBatch::add_rule(const std::string& table, const std::string& chain, const NftRule& rule) {
    batch_.begin(nft_type(NFT_MSG_NEWRULE), NLM_F_CREATE | NLM_F_APPEND,
                 bytes_of(nft_header(number_of(family_))),
                 "add a rule to nf_tables chain " + table + " " + chain);
    batch_.put_string(NFTA_RULE_TABLE, table);
    batch_.put_string(NFTA_RULE_CHAIN, chain);
    {
        auto expressions = batch_.nest(NFTA_RULE_EXPRESSIONS);
        for (const auto& step : rule.steps_) step(batch_);
    }
    std::string comment = rule.comment_.substr(0, kCommentLimit);
    std::string data{static_cast<char>(kCommentKey), static_cast<char>(comment.size() + 1)};
    data += comment;
    data += '\0';
    batch_.put(NFTA_RULE_USERDATA, std::as_bytes(std::span(data)));
}

Result<NftSocket> NftSocket::open() {
    return NftSocket(TRY(NetlinkSocket::open(NetlinkFamily::netfilter)));
}

Result<bool> NftSocket::has_table(const std::string& table, NftFamily family) {
    NetlinkBatch request;
    request.begin(nft_type(NFT_MSG_GETTABLE), 0, bytes_of(nft_header(number_of(family))),
                  "look up nf_tables table " + name_of(family) + " " + table,
                  NetlinkBatch::Ack::no);
    request.put_string(NFTA_TABLE_NAME, table);
    auto done = socket_.query(request, [](const NetlinkReply&) {});
    if (!done && done.error().code() == Code::not_found) return false;
    TRY(std::move(done));
    return true;
}

Result<> NftSocket::apply(NftBatch& batch) {
    nfgenmsg header = nft_header(NFPROTO_UNSPEC);
    header.res_id = htons(NFNL_SUBSYS_NFTABLES);
    batch.batch_.begin(NFNL_MSG_BATCH_END, 0, bytes_of(header), "commit nf_tables changes",
                       NetlinkBatch::Ack::no);
    return socket_.send(batch.batch_);
}

Result<std::vector<NftDroppingChain>> NftSocket::dropping_chains(NftHook at) {
    NetlinkBatch request;
    request.begin(nft_type(NFT_MSG_GETCHAIN), NLM_F_DUMP, bytes_of(nft_header(NFPROTO_UNSPEC)),
                  "list nf_tables chains", NetlinkBatch::Ack::no);
    std::vector<NftDroppingChain> found;
    TRY(socket_.query(request, [&](const NetlinkReply& reply) {
        auto header = reply.header<nfgenmsg>();
        if (!header) return;
        if (header->nfgen_family != NFPROTO_IPV4 && header->nfgen_family != NFPROTO_INET) return;
        auto attributes = reply.attributes(sizeof(nfgenmsg));
        auto hook = attributes.nested(NFTA_CHAIN_HOOK);
        if (hook.be32(NFTA_HOOK_HOOKNUM) != hook_of(at).number) return;
        if (attributes.be32(NFTA_CHAIN_POLICY) != NF_DROP) return;
        found.push_back({family_name(header->nfgen_family), attributes.string(NFTA_CHAIN_TABLE),
                         attributes.string(NFTA_CHAIN_NAME)});
    }));
    return found;
}

}  // namespace crank::sys
