// Links, addresses and routes (rtnetlink(7)), as far as containers need them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/ipv4.h"
#include "sys/ipv6.h"
#include "sys/netlink.h"

namespace crank::sys {

using MacAddress = std::array<std::uint8_t, 6>;
std::string format_mac(const MacAddress& mac);  // "02:63:0a:58:00:02"

inline constexpr int kLoopbackIndex = 1;  // in every network namespace

struct Link {
    int index = 0;
    std::string name;
    std::string kind;   // "bridge", "veth", ...; empty for real devices
    std::string alias;  // a text of the administrator's
    bool up = false;    // switched on (IFF_UP)
    // Packets pass (IF_OPER_UP). lo has no such state and always says false.
    bool operational = false;
    std::uint32_t mtu = 0;
};

struct RouteEntry {
    Ipv4Prefix destination;  // length 0: a default route
    int device = 0;          // 0: none (a blackhole, several next hops)
};

struct BridgeRequest {
    std::string name;
    MacAddress mac;  // fixed: otherwise it changes with the ports, and neighbours lose the gateway
    std::uint32_t mtu = 1500;
};

// A pair whose one end is born here, up, as a port of the bridge, the other inside a namespace,
// down. Moving a
// device afterwards would cost 14 ms of the kernel's network lock.
struct VethRequest {
    std::string host_name;
    int bridge_index = 0;  // 0: no port of any bridge
    std::string peer_name;
    int peer_namespace = -1;
    MacAddress peer_mac;
    std::uint32_t mtu = 1500;
};

// Changes that one send carries out in order.
class RouteChanges {
public:
    void add_bridge(const BridgeRequest& request);
    void add_veth(const VethRequest& request);
    void set_up(int index, const std::string& name);
    void set_alias(const std::string& name, const std::string& alias);
    void set_up(const std::string& name);
    void remove_link(const std::string& name);
    // A port of a bridge: it reaches no other one that is isolated.
    void isolate_port(const std::string& name);
    // What comes from it may go back to it.
    void reflect_port(const std::string& name);
    // Without a broadcast address where the prefix is the address alone.
    void add_address(int index, Ipv4 address, int prefix_length);
    void remove_address(int index, Ipv4 address, int prefix_length);
    // Of several, that with the lowest metric counts.
    void add_default_route(Ipv4 gateway, int index, std::uint32_t metric = 0);
    // In use at once: nobody is asked whether another has it.
    void add_address(int index, const Ipv6& address, int prefix_length);
    void add_default_route(const Ipv6& gateway, int index);

private:
    friend class RouteSocket;
    void change_port(const std::string& name, std::uint16_t attribute, const std::string& what);
    NetlinkBatch batch_;
};

// Speaks for the network namespace in which it was opened.
class RouteSocket {
public:
    static Result<RouteSocket> open();
    // A socket of another namespace.
    static Result<RouteSocket> open_in(int namespace_fd);

    // The first failure; what stands behind it was still tried (netlink has no transaction).
    Result<> apply(RouteChanges& changes);
    Result<Link> link(const std::string& name);  // not_found when there is none
    Result<Link> link(int index);
    Result<std::vector<Link>> links();
    struct Address {
        Ipv4 address;
        int length = 0, device = 0;
    };
    Result<std::vector<Address>> own_addresses();          // of all devices
    Result<std::vector<Ipv4Prefix>> addresses();           // as prefixes, of all devices
    Result<std::vector<Ipv4Prefix>> addresses(int index);  // of one device
    Result<std::vector<RouteEntry>> routes();              // unicast IPv4 routes of all tables
    Result<std::vector<Ipv6Prefix>> routes6();             // IPv6's: their destinations

private:
    explicit RouteSocket(NetlinkSocket socket) : socket_(std::move(socket)) {}
    NetlinkSocket socket_;
};

}  // namespace crank::sys
