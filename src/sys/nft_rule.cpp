// The expressions of a rule.
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#include <array>
#include <cstring>

#include "sys/nftables.h"

namespace crank::sys {

namespace {

constexpr std::uint32_t kSourceAddressOffset = 12;  // in an IPv4 header
constexpr std::uint32_t kDestinationAddressOffset = 16;
constexpr std::uint32_t kSourceAddress6Offset = 8;   // in an IPv6 header
constexpr std::uint32_t kDestinationPortOffset = 2;  // in TCP's and UDP's
constexpr std::uint32_t kStateMask =
    NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED);
constexpr std::uint8_t kPortUnreachable = 3;  // ICMP's code

using DeviceName = std::array<char, IFNAMSIZ>;

DeviceName padded(const std::string& name) {
    DeviceName out{};
    std::memcpy(out.data(), name.data(), std::min(name.size(), out.size() - 1));
    return out;
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

void put_device(NetlinkBatch& batch, std::uint32_t key, std::uint32_t comparison,
                const std::string& name) {
    put_meta(batch, key);
    DeviceName value = padded(name);
    put_compare(batch, comparison, std::as_bytes(std::span(value)));
}

void put_lookup(NetlinkBatch& batch, const std::string& set) {
    put_expression(batch, "lookup", [&] {
        batch.put_string(NFTA_LOOKUP_SET, set);
        batch.put_be32(NFTA_LOOKUP_SREG, NFT_REG_1);
    });
}

void put_device_among(NetlinkBatch& batch, std::uint32_t key, const std::string& set) {
    put_meta(batch, key);
    put_lookup(batch, set);
}

void put_destination(NetlinkBatch& batch) {
    put_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, kDestinationAddressOffset,
                sizeof(std::uint32_t));
}

void put_immediate(NetlinkBatch& batch, std::span<const std::byte> value,
                   std::uint32_t into = NFT_REG_1) {
    put_expression(batch, "immediate", [&] {
        batch.put_be32(NFTA_IMMEDIATE_DREG, into);
        put_value(batch, NFTA_IMMEDIATE_DATA, value);
    });
}

void put_verdict(NetlinkBatch& batch, std::uint32_t code) {
    put_expression(batch, "immediate", [&] {
        batch.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        auto data = batch.nest(NFTA_IMMEDIATE_DATA);
        auto verdict = batch.nest(NFTA_DATA_VERDICT);
        batch.put_be32(NFTA_VERDICT_CODE, code);
    });
}

// To the address in register 1, and the port in register 2.
void put_redirection(NetlinkBatch& batch, bool with_port) {
    put_expression(batch, "nat", [&] {
        batch.put_be32(NFTA_NAT_TYPE, NFT_NAT_DNAT);
        batch.put_be32(NFTA_NAT_FAMILY, NFPROTO_IPV4);
        batch.put_be32(NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
        if (with_port) batch.put_be32(NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
    });
}

// Whether connection tracking's value has one of these bits, or none.
void put_tracking(NetlinkBatch& batch, std::uint32_t key, std::uint32_t mask,
                  std::uint32_t comparison) {
    put_expression(batch, "ct", [&] {
        batch.put_be32(NFTA_CT_DREG, NFT_REG_1);
        batch.put_be32(NFTA_CT_KEY, key);
    });
    put_mask(batch, bytes_of(mask));
    const std::uint32_t zero = 0;
    put_compare(batch, comparison, bytes_of(zero));
}

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
        put_destination(batch);
        put_compare(batch, NFT_CMP_EQ, bytes_of(htonl(address.value)));
    });
}

NftRule& NftRule::destination_among(const std::string& set) {
    return add([set](NetlinkBatch& batch) {
        put_destination(batch);
        put_lookup(batch, set);
    });
}

NftRule& NftRule::is_tcp() {
    return add([](NetlinkBatch& batch) {
        put_meta(batch, NFT_META_L4PROTO);
        put_compare(batch, NFT_CMP_EQ, bytes_of(std::uint8_t{IPPROTO_TCP}));
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
    return add(
        [](NetlinkBatch& batch) { put_tracking(batch, NFT_CT_STATE, kStateMask, NFT_CMP_EQ); });
}

NftRule& NftRule::is_redirected() {
    return add(
        [](NetlinkBatch& batch) { put_tracking(batch, NFT_CT_STATUS, IPS_DST_NAT, NFT_CMP_NEQ); });
}

// The kernel compares bytes, and those of a random number are as random in any order.
NftRule& NftRule::one_in(std::uint32_t count) {
    if (count < 2) return *this;
    const auto share = static_cast<std::uint32_t>((std::uint64_t{1} << 32) / count);
    return add([share](NetlinkBatch& batch) {
        put_meta(batch, NFT_META_PRANDOM);
        put_compare(batch, NFT_CMP_LT, bytes_of(htonl(share)));
    });
}

NftRule& NftRule::drop() {
    return add([](NetlinkBatch& batch) { put_verdict(batch, NF_DROP); });
}

NftRule& NftRule::accept() {
    return add([](NetlinkBatch& batch) { put_verdict(batch, NF_ACCEPT); });
}

namespace {

void put_reject(NetlinkBatch& batch, std::uint32_t type) {
    put_expression(batch, "reject", [&] {
        batch.put_be32(NFTA_REJECT_TYPE, type);
        batch.put_u8(NFTA_REJECT_ICMP_CODE, kPortUnreachable);
    });
}

}  // namespace

NftRule& NftRule::reset() {
    return add([](NetlinkBatch& batch) { put_reject(batch, NFT_REJECT_TCP_RST); });
}

NftRule& NftRule::refuse() {
    return add([](NetlinkBatch& batch) { put_reject(batch, NFT_REJECT_ICMP_UNREACH); });
}

NftRule& NftRule::masquerade() {
    return add([](NetlinkBatch& batch) { put_expression(batch, "masq", [] {}); });
}

NftRule& NftRule::send_to(Ipv4 address) {
    return add([address](NetlinkBatch& batch) {
        put_immediate(batch, bytes_of(htonl(address.value)));
        put_redirection(batch, false);
    });
}

NftRule& NftRule::send_to(Ipv4 address, std::uint16_t port) {
    return add([address, port](NetlinkBatch& batch) {
        put_immediate(batch, bytes_of(htonl(address.value)));
        put_immediate(batch, bytes_of(htons(port)), NFT_REG_2);
        put_redirection(batch, true);
    });
}

NftRule& NftRule::redirect_to(std::uint16_t port) {
    return add([port](NetlinkBatch& batch) {
        put_immediate(batch, bytes_of(htons(port)));
        put_expression(batch, "redir",
                       [&] { batch.put_be32(NFTA_REDIR_REG_PROTO_MIN, NFT_REG_1); });
    });
}

}  // namespace crank::sys
