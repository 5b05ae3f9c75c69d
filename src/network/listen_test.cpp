#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/test_world.h"
#include "sys/tcp.h"

namespace crank::network {
namespace {

using ListenTest = NamespaceTest;

PortSpec tcp(std::string ip, std::uint16_t host, std::uint16_t container = 80) {
    return {std::move(ip), host, container, "tcp"};
}

TEST_F(ListenTest, DefaultIsBothLoopbackAddresses) {
    for (const char* default_ip : {"", "127.0.0.1", "localhost"}) {
        auto listeners = listen_on(tcp("", 8501), default_ip);
        ASSERT_TRUE(listeners) << listeners.error().text();
        ASSERT_EQ(listeners->size(), 2u);
        EXPECT_EQ((*listeners)[0].host_ip, "127.0.0.1");
        EXPECT_EQ((*listeners)[1].host_ip, "::1");
        for (const auto& listener : *listeners) {
            EXPECT_EQ(listener.host_port, 8501);
            EXPECT_EQ(listener.container_port, 80);
            EXPECT_EQ(*sys::local_port(listener.fd.get()), 8501);
        }
    }
}

TEST_F(ListenTest, AnExplicitAddressIsThatOneAlone) {
    auto listeners = listen_on(tcp("127.0.0.1", 8501), "0.0.0.0");
    ASSERT_TRUE(listeners);
    ASSERT_EQ(listeners->size(), 1u);
    EXPECT_EQ(listeners->front().host_ip, "127.0.0.1");
}

TEST_F(ListenTest, AnyAddressIsBothFamilies) {
    for (bool as_default : {false, true}) {
        auto listeners = listen_on(tcp(as_default ? "" : "0.0.0.0", 8501), "0.0.0.0");
        ASSERT_TRUE(listeners) << listeners.error().text();
        ASSERT_EQ(listeners->size(), 2u);
        EXPECT_EQ((*listeners)[0].host_ip, "0.0.0.0");
        EXPECT_EQ((*listeners)[1].host_ip, "::");
    }
}

TEST_F(ListenTest, PortZeroIsTheSameFreePortOnBoth) {
    auto listeners = listen_on(tcp("", 0), "");
    ASSERT_TRUE(listeners) << listeners.error().text();
    ASSERT_EQ(listeners->size(), 2u);
    EXPECT_NE((*listeners)[0].host_port, 0);
    EXPECT_EQ((*listeners)[0].host_port, (*listeners)[1].host_port);
}

TEST_F(ListenTest, WithoutIpv6Ipv4Answers) {
    ASSERT_TRUE(sys::write_knob("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "1"));
    auto listeners = listen_on(tcp("", 8501), "");
    ASSERT_TRUE(listeners) << listeners.error().text();
    ASSERT_EQ(listeners->size(), 1u);
    EXPECT_EQ(listeners->front().host_ip, "127.0.0.1");
}

TEST_F(ListenTest, ATakenPortNamesWhoHasIt) {
    auto first = sys::listen_tcp("127.0.0.1", 8501, 1);
    ASSERT_TRUE(first);
    auto listeners = listen_on(tcp("", 8501), "");
    ASSERT_FALSE(listeners);
    EXPECT_EQ(listeners.error().code(), Code::already_exists);
    EXPECT_EQ(listeners.error().text(), "port 8501 on 127.0.0.1 is in use by network_test (pid " +
                                            std::to_string(::getpid()) + ")");
    EXPECT_NE(listeners.error().hint(), "");
}

TEST_F(ListenTest, AWildcardHolderIsNamedForIpv6Too) {
    auto first = sys::listen_tcp("::", 8501, 1);
    ASSERT_TRUE(first);
    auto listeners = listen_on(tcp("", 8501), "");
    ASSERT_FALSE(listeners);
    EXPECT_EQ(listeners.error().text(), "port 8501 on [::1] is in use by network_test (pid " +
                                            std::to_string(::getpid()) + ")");
    // The half that worked is closed again.
    EXPECT_TRUE(sys::listen_tcp("127.0.0.1", 8501, 1));
}

TEST_F(ListenTest, AnotherAddressIsNoConflict) {
    auto first = sys::listen_tcp("127.0.0.2", 8501, 1);
    ASSERT_TRUE(first);
    EXPECT_TRUE(listen_on(tcp("", 8501), ""));
}

TEST_F(ListenTest, AForeignAddressIsAnError) {
    auto listeners = listen_on(tcp("192.0.2.77", 8501), "");
    ASSERT_FALSE(listeners);
    EXPECT_EQ(listeners.error().code(), Code::failed_precondition);
    EXPECT_EQ(listeners.error().text(),
              "listen on port 8501 of 192.0.2.77: Cannot assign requested address");
}

TEST_F(ListenTest, ALowPortWithoutRightsSaysWhatToDo) {
    ASSERT_TRUE(sys::write_knob("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024"));
    // In a child: rights given up do not come back.
    EXPECT_EXIT(
        {
            if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(9);
            auto listeners = listen_on(tcp("", 80), "");
            bool right =
                !listeners && listeners.error().code() == Code::permission_denied &&
                listeners.error().hint().find("ip_unprivileged_port_start") != std::string::npos;
            ::_exit(right ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST_F(ListenTest, AUdpPortIsBoundOnBothLoopbackAddressesAndTakenFromThenOn) {
    auto listeners = listen_on({"", 53, 54, "udp"}, "");
    ASSERT_TRUE(listeners) << listeners.error().text();
    ASSERT_EQ(listeners->size(), 2U);
    EXPECT_EQ(listeners->front().host_ip, "127.0.0.1");
    EXPECT_EQ(listeners->front().host_port, 53);
    EXPECT_EQ(listeners->front().container_port, 54);
    EXPECT_TRUE(listen_on({"", 53, 53, "tcp"}, ""));
    auto again = listen_on({"", 53, 53, "udp"}, "");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::already_exists);
    EXPECT_TRUE(again.error().text().starts_with("udp port 53 on 127.0.0.1 is in use by "))
        << again.error().text();
}

}  // namespace
}  // namespace crank::network
