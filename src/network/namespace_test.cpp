#include "network/test_world.h"
#include "sys/rtnetlink.h"
#include "sys/tcp.h"

namespace crank::network {
namespace {

using NamespaceRoomTest = NamespaceTest;

TEST_F(NamespaceRoomTest, ANewOneHasLoopbackAloneAndTheCallerStays) {
    auto before = sys::stat("/proc/thread-self/ns/net");
    auto made = create_namespace();
    ASSERT_TRUE(made) << made.error().text();
    auto after = sys::stat("/proc/thread-self/ns/net");
    EXPECT_EQ(before->inode, after->inode);
    auto socket = sys::RouteSocket::open_in(made->get());
    ASSERT_TRUE(socket);
    auto links = socket->links();
    ASSERT_TRUE(links) << links.error().text();
    std::vector<std::string> names;
    for (const auto& link : *links)
        if (link.up) names.push_back(link.name);
    EXPECT_EQ(names, std::vector<std::string>{});
    auto lo = socket->link(sys::kLoopbackIndex);
    ASSERT_TRUE(lo);
    EXPECT_EQ(lo->name, "lo");
}

TEST_F(NamespaceRoomTest, LoopbackAnswersOnBothFamilies) {
    auto made = create_namespace();
    ASSERT_TRUE(made);
    auto brought = bring_up_loopback(made->get());
    ASSERT_TRUE(brought) << brought.error().text();
    auto inside = sys::run_in_network_namespace(made->get(), []() -> Result<> {
        TRY(sys::listen_tcp("127.0.0.1", 80, 1));
        TRY(sys::listen_tcp("::1", 80, 1));
        return {};
    });
    EXPECT_TRUE(inside) << inside.error().text();
}

TEST_F(NamespaceRoomTest, WhatIsNoNamespaceIsAnError) {
    auto file = sys::open("/dev/null", 0);
    ASSERT_TRUE(file);
    auto brought = bring_up_loopback(file->get());
    ASSERT_FALSE(brought);
    EXPECT_EQ(brought.error().code(), Code::invalid_argument);
}

TEST_F(NamespaceRoomTest, AMissingDeviceIsNotFoundByName) {
    auto socket = sys::RouteSocket::open();
    ASSERT_TRUE(socket);
    auto link = socket->link("nosuchdev");
    ASSERT_FALSE(link);
    EXPECT_EQ(link.error().code(), Code::not_found);
    EXPECT_EQ(link.error().text(), "no network device nosuchdev");
}

}  // namespace
}  // namespace crank::network
