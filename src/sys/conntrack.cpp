#include "sys/conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include <algorithm>

#include "sys/netlink.h"

namespace crank::sys {

namespace {

std::uint16_t tracking_type(int message) {
    return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

nfgenmsg tracking_header() {
    nfgenmsg header{};
    header.nfgen_family = NFPROTO_IPV4;
    header.version = NFNETLINK_V0;
    return header;
}

using Tuple = std::vector<std::byte>;

// The tuples, as the kernel has them, of those that are to be forgotten.
Result<std::vector<Tuple>> find_datagrams(NetlinkSocket& socket, Ipv4 address,
                                          const std::vector<Ipv4>& led_to) {
    NetlinkBatch request;
    request.begin(tracking_type(IPCTNL_MSG_CT_GET), NLM_F_DUMP, bytes_of(tracking_header()),
                  "list tracked connections", NetlinkBatch::Ack::no);
    std::vector<Tuple> found;
    TRY(socket.query(request, [&](const NetlinkReply& reply) {
        auto attributes = reply.attributes(sizeof(nfgenmsg));
        auto asked = attributes.nested(CTA_TUPLE_ORIG),
             answers = attributes.nested(CTA_TUPLE_REPLY);
        if (asked.nested(CTA_TUPLE_PROTO).u8(CTA_PROTO_NUM) != IPPROTO_UDP ||
            asked.nested(CTA_TUPLE_IP).be32(CTA_IP_V4_DST) != address.value)
            return;
        Ipv4 from{answers.nested(CTA_TUPLE_IP).be32(CTA_IP_V4_SRC).value_or(0)};
        auto raw = attributes.find(CTA_TUPLE_ORIG);
        if (!raw || std::ranges::find(led_to, from) != led_to.end()) return;
        found.emplace_back(raw->begin(), raw->end());
    }));
    return found;
}

}  // namespace

Result<> forget_datagrams(Ipv4 address, const std::vector<Ipv4>& led_to) {
    NetlinkSocket socket = TRY(NetlinkSocket::open(NetlinkFamily::netfilter));
    for (const Tuple& tuple : TRY(find_datagrams(socket, address, led_to))) {
        NetlinkBatch change;
        change.begin(tracking_type(IPCTNL_MSG_CT_DELETE), 0, bytes_of(tracking_header()),
                     "forget datagrams to " + address.text());
        change.put(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple);
        auto forgotten = socket.send(change);
        // It has run out meanwhile.
        if (!forgotten && forgotten.error().code() != Code::not_found) return forgotten;
    }
    return {};
}

}  // namespace crank::sys
