#include "sys/rtnetlink.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <cstring>

#include "sys/netns.h"

namespace crank::sys {

namespace {

constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;

std::span<const std::byte> mac_bytes(const MacAddress& mac) {
    return std::as_bytes(std::span(mac));
}

ifinfomsg link_header(int index = 0, unsigned flags = 0) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    header.ifi_flags = flags;
    header.ifi_change = flags;
    return header;
}

// A question for devices. Their counters are left out: the kernel sums them up over all CPUs.
NetlinkBatch link_request(std::uint16_t flags, int index, std::string what) {
    NetlinkBatch request;
    request.begin(RTM_GETLINK, flags, bytes_of(link_header(index)), std::move(what),
                  NetlinkBatch::Ack::no);
    request.put_u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return request;
}

Link read_link_message(const NetlinkReply& reply) {
    Link link;
    auto header = reply.header<ifinfomsg>();
    if (!header) return link;
    auto attributes = reply.attributes(sizeof(ifinfomsg));
    link.index = header->ifi_index;
    link.up = (header->ifi_flags & IFF_UP) != 0;
    link.name = attributes.string(IFLA_IFNAME);
    link.kind = attributes.nested(IFLA_LINKINFO).string(IFLA_INFO_KIND);
    link.alias = attributes.string(IFLA_IFALIAS);
    link.mtu = attributes.u32(IFLA_MTU).value_or(0);
    link.operational = attributes.u8(IFLA_OPERSTATE) == IF_OPER_UP;
    return link;
}

std::optional<Ipv4> read_ipv4(const NetlinkAttributes& attributes, std::uint16_t attribute) {
    auto value = attributes.be32(attribute);
    if (!value) return std::nullopt;
    return Ipv4{*value};
}

}  // namespace

std::string format_mac(const MacAddress& mac) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string out;
    for (std::uint8_t byte : mac) {
        if (!out.empty()) out += ':';
        out += kDigits[byte >> 4];
        out += kDigits[byte & 15];
    }
    return out;
}

void RouteChanges::add_bridge(const BridgeRequest& request) {
    batch_.begin(RTM_NEWLINK, kCreate, bytes_of(link_header()), "create bridge " + request.name);
    batch_.put_string(IFLA_IFNAME, request.name);
    batch_.put(IFLA_ADDRESS, mac_bytes(request.mac));
    batch_.put_u32(IFLA_MTU, request.mtu);
    auto info = batch_.nest(IFLA_LINKINFO);
    batch_.put_string(IFLA_INFO_KIND, "bridge");
}

void RouteChanges::add_veth(const VethRequest& request) {
    batch_.begin(RTM_NEWLINK, kCreate, bytes_of(link_header(0, IFF_UP)),
                 "create veth " + request.host_name);
    batch_.put_string(IFLA_IFNAME, request.host_name);
    batch_.put_u32(IFLA_MTU, request.mtu);
    if (request.bridge_index != 0)
        batch_.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(request.bridge_index));
    auto info = batch_.nest(IFLA_LINKINFO);
    batch_.put_string(IFLA_INFO_KIND, "veth");
    auto data = batch_.nest(IFLA_INFO_DATA);
    auto peer = batch_.nest(VETH_INFO_PEER);
    // Not up yet: the kernel opens the peer before it knows the other end (ENOTCONN).
    // Its index is the kernel's choice: veth takes a wish for it only together with one for the
    // host's end (and tunnel modules put devices of their own into new namespaces).
    batch_.put_raw(bytes_of(link_header()));
    batch_.put_string(IFLA_IFNAME, request.peer_name);
    batch_.put_u32(IFLA_MTU, request.mtu);
    batch_.put(IFLA_ADDRESS, mac_bytes(request.peer_mac));
    batch_.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(request.peer_namespace));
}

void RouteChanges::change_port(const std::string& name, std::uint16_t attribute,
                               const std::string& what) {
    batch_.begin(RTM_NEWLINK, 0, bytes_of(link_header()), what + " bridge port " + name);
    batch_.put_string(IFLA_IFNAME, name);
    auto info = batch_.nest(IFLA_LINKINFO);
    batch_.put_string(IFLA_INFO_SLAVE_KIND, "bridge");
    auto data = batch_.nest(IFLA_INFO_SLAVE_DATA);
    batch_.put_u8(attribute, 1);
}

void RouteChanges::isolate_port(const std::string& name) {
    change_port(name, IFLA_BRPORT_ISOLATED, "isolate");
}

void RouteChanges::reflect_port(const std::string& name) {
    change_port(name, IFLA_BRPORT_MODE, "reflect");
}

void RouteChanges::set_up(int index, const std::string& name) {
    batch_.begin(RTM_NEWLINK, 0, bytes_of(link_header(index, IFF_UP)), "bring up " + name);
}

void RouteChanges::set_up(const std::string& name) {
    batch_.begin(RTM_NEWLINK, 0, bytes_of(link_header(0, IFF_UP)), "bring up " + name);
    batch_.put_string(IFLA_IFNAME, name);
}

void RouteChanges::set_alias(const std::string& name, const std::string& alias) {
    batch_.begin(RTM_NEWLINK, 0, bytes_of(link_header()), "set the alias of " + name);
    batch_.put_string(IFLA_IFNAME, name);
    batch_.put(IFLA_IFALIAS, std::as_bytes(std::span(alias)));
}

void RouteChanges::remove_link(const std::string& name) {
    batch_.begin(RTM_DELLINK, 0, bytes_of(link_header()), "remove device " + name);
    batch_.put_string(IFLA_IFNAME, name);
}

void RouteChanges::add_address(int index, Ipv4 address, int prefix_length) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = static_cast<std::uint8_t>(prefix_length);
    header.ifa_index = static_cast<std::uint32_t>(index);
    batch_.begin(RTM_NEWADDR, kCreate, bytes_of(header), "add address " + address.text());
    batch_.put_be32(IFA_LOCAL, address.value);
    batch_.put_be32(IFA_ADDRESS, address.value);
    Ipv4Prefix range{{}, prefix_length};
    if (prefix_length < 32) batch_.put_be32(IFA_BROADCAST, address.value | ~range.mask());
}

void RouteChanges::remove_address(int index, Ipv4 address, int prefix_length) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = static_cast<std::uint8_t>(prefix_length);
    header.ifa_index = static_cast<std::uint32_t>(index);
    batch_.begin(RTM_DELADDR, 0, bytes_of(header), "remove address " + address.text());
    batch_.put_be32(IFA_LOCAL, address.value);
}

void RouteChanges::add_default_route(Ipv4 gateway, int index, std::uint32_t metric) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    batch_.begin(RTM_NEWROUTE, kCreate, bytes_of(header),
                 "add the default route through " + gateway.text());
    batch_.put_be32(RTA_GATEWAY, gateway.value);
    batch_.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
    if (metric != 0) batch_.put_u32(RTA_PRIORITY, metric);
}

void RouteChanges::add_address(int index, const Ipv6& address, int prefix_length) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET6;
    header.ifa_prefixlen = static_cast<std::uint8_t>(prefix_length);
    header.ifa_index = static_cast<std::uint32_t>(index);
    // Not exclusive: one that is there already is what is wanted.
    batch_.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(header),
                 "add address " + address.text());
    batch_.put(IFA_LOCAL, std::as_bytes(std::span(address.bytes)));
    batch_.put(IFA_ADDRESS, std::as_bytes(std::span(address.bytes)));
    batch_.put_u32(IFA_FLAGS, IFA_F_NODAD);
}

void RouteChanges::add_default_route(const Ipv6& gateway, int index) {
    rtmsg header{};
    header.rtm_family = AF_INET6;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    batch_.begin(RTM_NEWROUTE, kCreate, bytes_of(header),
                 "add the default route through " + gateway.text());
    batch_.put(RTA_GATEWAY, std::as_bytes(std::span(gateway.bytes)));
    batch_.put_u32(RTA_OIF, static_cast<std::uint32_t>(index));
}

Result<RouteSocket> RouteSocket::open() {
    return RouteSocket(TRY(NetlinkSocket::open(NetlinkFamily::route)));
}

Result<RouteSocket> RouteSocket::open_in(int namespace_fd) {
    std::optional<RouteSocket> socket;
    TRY(run_in_network_namespace(namespace_fd, [&]() -> Result<> {
        socket = TRY(open());
        return {};
    }));
    return std::move(*socket);
}

Result<> RouteSocket::apply(RouteChanges& changes) { return socket_.send(changes.batch_); }

Result<Link> RouteSocket::link(const std::string& name) {
    NetlinkBatch request = link_request(0, 0, "look up device " + name);
    request.put_string(IFLA_IFNAME, name);
    Link found;
    auto done = socket_.query(request,
                              [&](const NetlinkReply& reply) { found = read_link_message(reply); });
    // ENODEV has no code of its own in the table of errno values.
    if (!done && done.error().error_number() == ENODEV)
        return fail(Code::not_found, "no network device " + name);
    TRY(std::move(done));
    return found;
}

Result<Link> RouteSocket::link(int index) {
    NetlinkBatch request = link_request(0, index, "look up device " + std::to_string(index));
    Link found;
    TRY(socket_.query(request,
                      [&](const NetlinkReply& reply) { found = read_link_message(reply); }));
    return found;
}

Result<std::vector<Link>> RouteSocket::links() {
    NetlinkBatch request = link_request(NLM_F_DUMP, 0, "list network devices");
    std::vector<Link> found;
    TRY(socket_.query(
        request, [&](const NetlinkReply& reply) { found.push_back(read_link_message(reply)); }));
    return found;
}

Result<std::vector<RouteSocket::Address>> RouteSocket::own_addresses() {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    NetlinkBatch request;
    request.begin(RTM_GETADDR, NLM_F_DUMP, bytes_of(header), "list addresses",
                  NetlinkBatch::Ack::no);
    std::vector<Address> found;
    TRY(socket_.query(request, [&](const NetlinkReply& reply) {
        auto entry = reply.header<ifaddrmsg>();
        if (!entry || entry->ifa_family != AF_INET || entry->ifa_prefixlen > 32) return;
        auto address = read_ipv4(reply.attributes(sizeof(ifaddrmsg)), IFA_ADDRESS);
        if (address)
            found.push_back({*address, entry->ifa_prefixlen, static_cast<int>(entry->ifa_index)});
    }));
    return found;
}

Result<std::vector<Ipv4Prefix>> RouteSocket::addresses(int index) {
    std::vector<Ipv4Prefix> found;
    for (const Address& one : TRY(own_addresses())) {
        if (index != 0 && one.device != index) continue;
        Ipv4Prefix prefix{one.address, one.length};
        prefix.base.value &= prefix.mask();
        found.push_back(prefix);
    }
    return found;
}

Result<std::vector<Ipv4Prefix>> RouteSocket::addresses() { return addresses(0); }

Result<std::vector<RouteEntry>> RouteSocket::routes() {
    rtmsg header{};
    header.rtm_family = AF_INET;
    NetlinkBatch request;
    request.begin(RTM_GETROUTE, NLM_F_DUMP, bytes_of(header), "list routes", NetlinkBatch::Ack::no);
    std::vector<RouteEntry> found;
    TRY(socket_.query(request, [&](const NetlinkReply& reply) {
        auto entry = reply.header<rtmsg>();
        if (!entry || entry->rtm_family != AF_INET || entry->rtm_dst_len > 32) return;
        // The local table repeats the addresses; cached entries are no routes.
        if (entry->rtm_table == RT_TABLE_LOCAL || (entry->rtm_flags & RTM_F_CLONED) != 0) return;
        auto attributes = reply.attributes(sizeof(rtmsg));
        RouteEntry route;
        route.destination = {read_ipv4(attributes, RTA_DST).value_or(Ipv4{}), entry->rtm_dst_len};
        route.device = static_cast<int>(attributes.u32(RTA_OIF).value_or(0));
        found.push_back(route);
    }));
    return found;
}

Result<std::vector<Ipv6Prefix>> RouteSocket::routes6() {
    rtmsg header{};
    header.rtm_family = AF_INET6;
    NetlinkBatch request;
    request.begin(RTM_GETROUTE, NLM_F_DUMP, bytes_of(header), "list routes", NetlinkBatch::Ack::no);
    std::vector<Ipv6Prefix> found;
    TRY(socket_.query(request, [&](const NetlinkReply& reply) {
        auto entry = reply.header<rtmsg>();
        if (!entry || entry->rtm_family != AF_INET6 || entry->rtm_dst_len > 128) return;
        if (entry->rtm_table == RT_TABLE_LOCAL || (entry->rtm_flags & RTM_F_CLONED) != 0) return;
        Ipv6Prefix prefix;
        prefix.length = entry->rtm_dst_len;
        auto destination = reply.attributes(sizeof(rtmsg)).find(RTA_DST);
        if (destination && destination->size() == prefix.base.bytes.size())
            std::memcpy(prefix.base.bytes.data(), destination->data(), destination->size());
        found.push_back(prefix);
    }));
    return found;
}

}  // namespace crank::sys
