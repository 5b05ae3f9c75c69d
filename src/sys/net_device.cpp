#include "sys/net_device.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <optional>
#include <set>
#include <vector>

#include "sys/netlink.h"
#include "sys/netns.h"
#include "sys/rtnetlink.h"

namespace crank::sys {
namespace {

struct Address {
    ifaddrmsg header{};
    std::uint32_t flags = 0;
    std::vector<std::pair<std::uint16_t, std::vector<std::byte>>> attributes;
};

ifinfomsg link_header(int index, unsigned flags) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    header.ifi_flags = flags;
    header.ifi_change = flags;
    return header;
}

// Those that the specification has kept: permanent ones of global scope.
std::optional<Address> read_address(const NetlinkReply& reply, int index) {
    auto header = reply.header<ifaddrmsg>();
    if (!header || static_cast<int>(header->ifa_index) != index) return std::nullopt;
    auto attributes = reply.attributes(sizeof(ifaddrmsg));
    Address address{*header, attributes.u32(IFA_FLAGS).value_or(header->ifa_flags), {}};
    if (header->ifa_scope != RT_SCOPE_UNIVERSE || (address.flags & IFA_F_PERMANENT) == 0)
        return std::nullopt;
    for (std::uint16_t type : {IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_RT_PRIORITY, IFA_PROTO})
        if (auto value = attributes.find(type))
            address.attributes.emplace_back(type, std::vector(value->begin(), value->end()));
    return address;
}

Result<std::vector<Address>> addresses_of(NetlinkSocket& socket, int index,
                                          const std::string& name) {
    ifaddrmsg header{};
    header.ifa_family = AF_UNSPEC;
    NetlinkBatch request;
    request.begin(RTM_GETADDR, NLM_F_DUMP, bytes_of(header), "list the addresses of " + name,
                  NetlinkBatch::Ack::no);
    std::vector<Address> found;
    TRY(socket.query(request, [&](const NetlinkReply& reply) {
        if (auto address = read_address(reply, index)) found.push_back(std::move(*address));
    }));
    return found;
}

void add_address(NetlinkBatch& batch, const Address& address, int index, const std::string& name) {
    ifaddrmsg header = address.header;
    header.ifa_index = static_cast<std::uint32_t>(index);
    batch.begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, bytes_of(header),
                "restore an address of " + name);
    for (const auto& [type, value] : address.attributes) batch.put(type, value);
    // It was in use already: nobody else has it, and it may serve at once.
    std::uint32_t flags = address.flags & ~std::uint32_t{IFA_F_TENTATIVE | IFA_F_DADFAILED};
    if (header.ifa_family == AF_INET6) flags |= IFA_F_NODAD;
    batch.put_u32(IFA_FLAGS, flags);
}

Result<NetlinkSocket> open_in(int namespace_fd) {
    std::optional<NetlinkSocket> socket;
    TRY(run_in_network_namespace(namespace_fd, [&]() -> Result<> {
        socket = TRY(NetlinkSocket::open(NetlinkFamily::route));
        return {};
    }));
    return std::move(*socket);
}

Result<std::set<int>> indexes(RouteSocket& socket) {
    std::set<int> found;
    for (const auto& link : TRY(socket.links())) found.insert(link.index);
    return found;
}

// What the kernel calls it there, by number: a template leaves the name to the kernel, and the
// number changes where it is taken.
Result<Link> find_moved(RouteSocket& inside, const std::set<int>& before, const std::string& wanted,
                        bool is_template) {
    if (!is_template) return inside.link(wanted);
    std::string prefix = wanted.substr(0, wanted.find("%d"));
    for (const auto& link : TRY(inside.links()))
        if (!before.contains(link.index) && link.name.starts_with(prefix)) return link;
    return fail(Code::not_found, "the device " + wanted + " has gone again");
}

Result<> send_over(NetlinkSocket& host, int index, int namespace_fd, const std::string& name,
                   const std::string& inside) {
    NetlinkBatch batch;
    batch.begin(RTM_NEWLINK, 0, bytes_of(link_header(index, 0)), "move network device " + name);
    batch.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(namespace_fd));
    batch.put_string(IFLA_IFNAME, inside);
    auto done = host.send(batch);
    if (!done && done.error().error_number() == EEXIST)
        return fail(Code::already_exists, "move network device " + name +
                                              ": there is a device named " + inside + " already");
    return done;
}

}  // namespace

bool is_device_name(const std::string& name) {
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           std::ranges::none_of(
               name, [](unsigned char c) { return c == '/' || c == ':' || std::isspace(c) != 0; });
}

Result<> move_net_device(int namespace_fd, const std::string& name, const std::string& inside) {
    RouteSocket host = TRY(RouteSocket::open());
    RouteSocket there = TRY(RouteSocket::open_in(namespace_fd));
    NetlinkSocket host_socket = TRY(NetlinkSocket::open(NetlinkFamily::route));
    Link device = TRY(host.link(name));
    bool is_template = inside.ends_with("%d");
    // The kernel would move it first and then fail to rename it.
    if (!is_template && there.link(inside))
        return fail(Code::already_exists, "move network device " + name +
                                              ": there is a device named " + inside + " already");
    auto addresses = TRY(addresses_of(host_socket, device.index, name));
    std::set<int> before = TRY(indexes(there));
    TRY(send_over(host_socket, device.index, namespace_fd, name, inside));
    Link moved = TRY(find_moved(there, before, inside, is_template));
    NetlinkSocket socket = TRY(open_in(namespace_fd));
    NetlinkBatch batch;
    for (const auto& address : addresses) add_address(batch, address, moved.index, moved.name);
    batch.begin(RTM_NEWLINK, 0, bytes_of(link_header(moved.index, IFF_UP)),
                "bring up " + moved.name);
    return socket.send(batch);
}

}  // namespace crank::sys
