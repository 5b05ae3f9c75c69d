#include "network/forwarding.h"

#include <gtest/gtest.h>

namespace crank::network {
namespace {

sys::Link link(int index, std::string name, std::string kind) {
    sys::Link out;
    out.index = index;
    out.name = std::move(name);
    out.kind = std::move(kind);
    return out;
}

TEST(GuardedDevices, AreTheLinesToOtherMachines) {
    std::vector<sys::Link> links = {link(1, "lo", ""),         link(2, "eth0", ""),
                                    link(3, "eth0.7", "vlan"), link(4, "docker0", "bridge"),
                                    link(5, "veth1", "veth"),  link(6, "wg0", "wireguard"),
                                    link(7, "br0", "bridge"),  link(8, "bond0", "bond")};
    std::vector<sys::RouteEntry> routes = {{*sys::parse_ipv4_prefix("0.0.0.0/0"), 7},
                                           {*sys::parse_ipv4_prefix("172.17.0.0/16"), 4}};
    EXPECT_EQ(guarded_devices(links, routes),
              (std::vector<std::string>{"eth0", "eth0.7", "br0", "bond0"}));
    EXPECT_EQ(guarded_devices({link(1, "lo", "")}, {}), std::vector<std::string>{});
}

}  // namespace
}  // namespace crank::network
