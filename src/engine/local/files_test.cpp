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

TEST(Files, LinesOfAddHost) {
    EXPECT_EQ(extra_hosts_text({{"db", "10.0.0.7"}, {"up", "host-gateway"}}, "10.88.0.1").value(),
              "10.0.0.7\tdb\n10.88.0.1\tup\n");
    EXPECT_FALSE(extra_hosts_text({{"up", "host-gateway"}}, ""));
}

TEST(Files, DnsSettingsReplaceLines) {
    std::string host = "nameserver 9.9.9.9\nsearch a b\noptions x\n";
    EXPECT_EQ(with_dns_settings(host, {}), host);
    EXPECT_EQ(with_dns_settings(host, {.dns = {"1.1.1.1", "8.8.8.8"}}),
              "nameserver 1.1.1.1\nnameserver 8.8.8.8\nsearch a b\noptions x\n");
    EXPECT_EQ(with_dns_settings(host, {.dns_search = {"."}, .dns_options = {"ndots:2", "y"}}),
              "nameserver 9.9.9.9\noptions ndots:2 y\n");
    EXPECT_EQ(with_dns_settings(host, {.dns_search = {"c"}}),
              "search c\nnameserver 9.9.9.9\noptions x\n");
}

}  // namespace
}  // namespace crank::engine::local
