#include "sys/tcp.h"

#include <gtest/gtest.h>

namespace crank::sys {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLong{20000};

TEST(Tcp, AConnectionArrivesWithItsPeer) {
    auto listener = listen_tcp("127.0.0.1", 0, 4);
    ASSERT_TRUE(listener) << listener.error().text();
    auto port = local_port(listener->get());
    ASSERT_TRUE(port);
    EXPECT_NE(*port, 0);
    auto client = connect_tcp("127.0.0.1", *port, kLong);
    ASSERT_TRUE(client) << client.error().text();
    auto server = accept_tcp(listener->get(), kLong);
    ASSERT_TRUE(server) << server.error().text();
    EXPECT_EQ(*peer_ip(server->get()), "127.0.0.1");
    EXPECT_EQ(*local_port(server->get()), *port);
}

TEST(Tcp, ATakenPortIsAlreadyThere) {
    auto listener = listen_tcp("127.0.0.1", 0, 4);
    ASSERT_TRUE(listener);
    auto second = listen_tcp("127.0.0.1", *local_port(listener->get()), 4);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::already_exists);
}

TEST(Tcp, NobodyThereIsAnError) {
    auto listener = listen_tcp("127.0.0.1", 0, 4);
    ASSERT_TRUE(listener);
    std::uint16_t port = *local_port(listener->get());
    listener->reset();
    auto client = connect_tcp("127.0.0.1", port, kLong);
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().text(),
              "connect to port " + std::to_string(port) + " of 127.0.0.1: Connection refused");
}

TEST(Tcp, WithoutAConnectionAcceptGivesUp) {
    auto listener = listen_tcp("127.0.0.1", 0, 4);
    ASSERT_TRUE(listener);
    auto server = accept_tcp(listener->get(), milliseconds{1});
    ASSERT_FALSE(server);
    EXPECT_EQ(server.error().code(), Code::deadline_exceeded);
}

TEST(Tcp, OnlyLiteralAddressesAreTaken) {
    for (const char* ip : {"", "localhost", "[::1]", "1.2.3", "::g"}) {
        auto listener = listen_tcp(ip, 0, 1);
        ASSERT_FALSE(listener) << ip;
        EXPECT_EQ(listener.error().code(), Code::invalid_argument);
        EXPECT_EQ(listener.error().text(), "'" + std::string(ip) + "' is no IP address");
    }
}

}  // namespace
}  // namespace crank::sys
