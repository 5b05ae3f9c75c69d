#include "sys/nftables.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netlink.h>

#include <array>
#include <cstring>

namespace crank::sys {

namespace {

constexpr std::uint32_t kSourceAddressOffset = 12;  // in an IPv4 header
constexpr std::uint32_t kDestinationAddressOffset = 16;
constexpr std::uint32_t kSourceAddress6Offset = 8;   // in an IPv6 header
constexpr std::uint32_t kDestinationPortOffset = 2;  // in TCP's and UDP's
constexpr std::uint32_t kDeviceNameType = 41;        // nft's number for ifname, to print the set
constexpr std::uint32_t kStateMask =
    NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
constexpr std::uint8_t kCommentKey = 0;      // NFTNL_UDATA_RULE_COMMENT, what nft prints
constexpr std::uint8_t kKeyByteOrder = 0;    // NFTNL_UDATA_SET_KEYBYTEORDER
constexpr std::uint32_t kHostByteOrder = 1;  // nft's number
constexpr std::size_t kCommentLimit = 250;

using DeviceName = std::array<char, IFNAMSIZ>;

DeviceName padded(const std::string& name) {
    DeviceName out{};
    std::memcpy(out.data(), name.data(), std::min(name.size(), out.size() - 1));
    return out;
}

std::uint16_t nft_type(int message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}

nfgenmsg nft_header(std::uint8_t family = NFPROTO_IPV4) {
    nfgenmsg header{};
    header.nfgen_family = family;
    header.version = NFNETLINK_V0;
    return header;
}

// One element of a rule's list of expressions; `fill` puts its attributes.
template <class F>
void put_expression(NetlinkBatch& batch, const char* name, F fill) {
    auto element = batch.nest(NFTA_LIST_ELEM);
    batch.put_string(NFTA_EXPR_NAME, name);
    auto data = batch.nest(NFTA_EXPR_DATA);
    fill();
}

void put_value(NetlinkBatch& batch, std::uint16_t attribute, std::span<const std::byte> value) {
    auto data = batch.nest(attribute);
    batch.put(NFTA_DATA_VALUE, value);
}

void put_meta(NetlinkBatch& batch, std::uint32_t key) {
    put_expression(batch, "meta", [&] {
        batch.put_be32(NFTA_META_DREG, NFT_REG_1);
        batch.put_be32(NFTA_META_KEY, key);
    });
}

void put_compare(NetlinkBatch& batch, std::uint32_t comparison, std::span<const std::byte> value) {
    put_expression(batch, "cmp", [&] {
        batch.put_be32(NFTA_CMP_SREG, NFT_REG_1);
        batch.put_be32(NFTA_CMP_OP, comparison);
        put_value(batch, NFTA_CMP_DATA, value);
    });
}

// register 1 = register 1 & mask
void put_mask(NetlinkBatch& batch, std::span<const std::byte> mask) {
    const std::vector<std::byte> zero(mask.size());
    put_expression(batch, "bitwise", [&] {
        batch.put_be32(NFTA_BITWISE_SREG, NFT_REG_1);
        batch.put_be32(NFTA_BITWISE_DREG, NFT_REG_1);
        batch.put_be32(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(mask.size()));
        put_value(batch, NFTA_BITWISE_MASK, mask);
        put_value(batch, NFTA_BITWISE_XOR, zero);
    });
}

// register 1 = so many bytes of a header
void put_payload(NetlinkBatch& batch, std::uint32_t base, std::uint32_t offset,
                 std::uint32_t length) {
    put_expression(batch, "payload", [&] {
        batch.put_be32(NFTA_PAYLOAD_DREG, NFT_REG_1);
        batch.put_be32(NFTA_PAYLOAD_BASE, base);
        batch.put_be32(NFTA_PAYLOAD_OFFSET, offset);
        batch.put_be32(NFTA_PAYLOAD_LEN, length);
    });
}

std::uint8_t number_of(NftFamily family) {
    return family == NftFamily::ip ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

std::string name_of(NftFamily family) { return family == NftFamily::ip ? "ip" : "ip6"; }

void put_device(NetlinkBatch& batch, std::uint32_t key, std::uint32_t comparison,
                const std::string& name) {
    put_meta(batch, key);
    DeviceName value = padded(name);
    put_compare(batch, comparison, std::as_bytes(std::span(value)));
}

void put_device_among(NetlinkBatch& batch, std::uint32_t key, const std::string& set) {
    put_meta(batch, key);
    put_expression(batch, "lookup", [&] {
        batch.put_string(NFTA_LOOKUP_SET, set);
        batch.put_be32(NFTA_LOOKUP_SREG, NFT_REG_1);
    });
}

std::string family_name(std::uint8_t family) { return family == NFPROTO_INET ? "inet" : "ip"; }

}  // namespace

NftRule& NftRule::add(Step step) {
    steps_.push_back(std::move(step));
    return *this;
}

NftRule& NftRule::in_device(const std::string& name) {
    return add([name](auto& batch) { put_device(batch, NFT_META_IIFNAME, NFT_CMP_EQ, name); });
}

NftRule& NftRule::in_device_is_not(const std::string& name) {
    return add([name](auto& batch) { put_device(batch, NFT_META_IIFNAME, NFT_CMP_NEQ, name); });
}

NftRule& NftRule::out_device(const std::string& name) {
    return add([name](auto& batch) { put_device(batch, NFT_META_OIFNAME, NFT_CMP_EQ, name); });
}

NftRule& NftRule::out_device_is_not(const std::string& name) {
    return add([name](auto& batch) { put_device(batch, NFT_META_OIFNAME, NFT_CMP_NEQ, name); });
}

NftRule& NftRule::in_device_among(const std::string& set) {
    return add([set](auto& batch) { put_device_among(batch, NFT_META_IIFNAME, set); });
}

NftRule& NftRule::out_device_among(const std::string& set) {
    return add([set](auto& batch) { put_device_among(batch, NFT_META_OIFNAME, set); });
}

NftRule& NftRule::source_in(const Ipv4Prefix& range) {
    return add([range](NetlinkBatch& batch) {
        put_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, kSourceAddressOffset,
                    sizeof range.base.value);
        put_mask(batch, bytes_of(htonl(range.mask())));
        put_compare(batch, NFT_CMP_EQ, bytes_of(htonl(range.base.value)));
    });
}

NftRule& NftRule::source_in(const Ipv6Prefix& range) {
    return add([range](NetlinkBatch& batch) {
        std::array<std::uint8_t, 16> mask{};
        for (int bit = 0; bit < range.length; ++bit)
            mask[static_cast<std::size_t>(bit / 8)] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
        put_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, kSourceAddress6Offset, mask.size());
        put_mask(batch, std::as_bytes(std::span(mask)));
        put_compare(batch, NFT_CMP_EQ, std::as_bytes(std::span(range.base.bytes)));
    });
}

NftRule& NftRule::destination_is(Ipv4 address) {
    return add([address](NetlinkBatch& batch) {
        put_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, kDestinationAddressOffset,
                    sizeof address.value);
        put_compare(batch, NFT_CMP_EQ, bytes_of(htonl(address.value)));
    });
}

NftRule& NftRule::destination_port_is(std::uint8_t protocol, std::uint16_t port) {
    return add([protocol, port](NetlinkBatch& batch) {
        put_meta(batch, NFT_META_L4PROTO);
        put_compare(batch, NFT_CMP_EQ, bytes_of(protocol));
        put_payload(batch, NFT_PAYLOAD_TRANSPORT_HEADER, kDestinationPortOffset, sizeof port);
        put_compare(batch, NFT_CMP_EQ, bytes_of(htons(port)));
    });
}

NftRule& NftRule::is_no_answer() {
    return add([](NetlinkBatch& batch) {
        put_expression(batch, "ct", [&] {
            batch.put_be32(NFTA_CT_DREG, NFT_REG_1);
            batch.put_be32(NFTA_CT_KEY, NFT_CT_STATE);
        });
        put_mask(batch, bytes_of(kStateMask));
        const std::uint32_t zero = 0;
        put_compare(batch, NFT_CMP_EQ, bytes_of(zero));
    });
}

NftRule& NftRule::drop() {
    return add([](NetlinkBatch& batch) {
        put_expression(batch, "immediate", [&] {
            batch.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
            auto data = batch.nest(NFTA_IMMEDIATE_DATA);
            auto verdict = batch.nest(NFTA_DATA_VERDICT);
            batch.put_be32(NFTA_VERDICT_CODE, NF_DROP);
        });
    });
}

NftRule& NftRule::masquerade() {
    return add([](NetlinkBatch& batch) { put_expression(batch, "masq", [] {}); });
}

NftRule& NftRule::redirect_to(std::uint16_t port) {
    return add([port](NetlinkBatch& batch) {
        put_expression(batch, "immediate", [&] {
            batch.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_1);
            auto data = batch.nest(NFTA_IMMEDIATE_DATA);
            batch.put(NFTA_DATA_VALUE, bytes_of(htons(port)));
        });
        put_expression(batch, "redir",
                       [&] { batch.put_be32(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1); });
    });
}

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

void NftBatch::add_device_set(const std::string& table, const std::string& set,
                              const std::vector<std::string>& devices) {
    std::string what = "create nf_tables set " + table + " " + set;
    batch_.begin(nft_type(NFT_MSG_NEWSET), NLM_F_CREATE | NLM_F_EXCL,
                 bytes_of(nft_header(number_of(family_))), what);
    batch_.put_string(NFTA_SET_TABLE, table);
    batch_.put_string(NFTA_SET_NAME, set);
    batch_.put_be32(NFTA_SET_KEY_TYPE, kDeviceNameType);
    batch_.put_be32(NFTA_SET_KEY_LEN, IFNAMSIZ);
    batch_.put_be32(NFTA_SET_ID, next_set_++);
    // For nft to print the names: the key is in the machine's byte order.
    struct {
        std::uint8_t type, length;
        std::array<std::uint8_t, 4> value;
    } order{kKeyByteOrder, 4, {}};
    std::memcpy(order.value.data(), &kHostByteOrder, sizeof kHostByteOrder);
    batch_.put(NFTA_SET_USERDATA, bytes_of(order));
    batch_.begin(nft_type(NFT_MSG_NEWSETELEM), NLM_F_CREATE,
                 bytes_of(nft_header(number_of(family_))), what);
    batch_.put_string(NFTA_SET_ELEM_LIST_TABLE, table);
    batch_.put_string(NFTA_SET_ELEM_LIST_SET, set);
    auto elements = batch_.nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    for (const std::string& device : devices) {
        auto element = batch_.nest(NFTA_LIST_ELEM);
        DeviceName name = padded(device);
        put_value(batch_, NFTA_SET_ELEM_KEY, std::as_bytes(std::span(name)));
    }
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

Result<std::vector<NftDroppingChain>> NftSocket::dropping_forward_chains() {
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
        if (hook.be32(NFTA_HOOK_HOOKNUM) != NF_INET_FORWARD) return;
        if (attributes.be32(NFTA_CHAIN_POLICY) != NF_DROP) return;
        found.push_back({family_name(header->nfgen_family), attributes.string(NFTA_CHAIN_TABLE),
                         attributes.string(NFTA_CHAIN_NAME)});
    }));
    return found;
}

}  // namespace crank::sys
