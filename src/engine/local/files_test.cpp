#include "engine/local/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine::local {
namespace {

using ::testing::EndsWith;

TEST(Files, HostsNamesTheContainerByItsAddress) {
    EXPECT_THAT(hosts_text("abc", "10.88.0.2"), EndsWith("10.88.0.2\tabc\n"));
    EXPECT_THAT(hosts_text("abc", ""), EndsWith("127.0.0.1\tabc\n"));
}

TEST(Files, NameServersThatABridgeDoesNotReachAreLeftOut) {
    ResolvConf conf = resolv_conf_for_bridge(
        "# made by something\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver ::1\n"
        "nameserver fe80::1%eth0\nsearch example.org\noptions edns0\n");
    EXPECT_EQ(conf.name_servers, 1);
    EXPECT_EQ(conf.text, "nameserver 10.0.0.2\nsearch example.org\noptions edns0\n");
    EXPECT_EQ(resolv_conf_for_bridge("nameserver 127.0.0.1\n").name_servers, 0);
    EXPECT_EQ(resolv_conf_for_bridge("").text, "");
}

}  // namespace
}  // namespace crank::engine::local
