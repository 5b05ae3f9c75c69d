#include "sys/ipv6.h"

#include <gtest/gtest.h>

namespace crank::sys {
namespace {

TEST(Ipv6, IsReadAndWrittenInItsShortForm) {
    EXPECT_EQ(parse_ipv6("fd00:0:0:1:0:0:0:2")->text(), "fd00:0:0:1::2");
    for (const char* bad : {"", "fd00", "fd00::1%eth0", "[fd00::1]", "10.0.0.1", "fd00::1/64"})
        EXPECT_FALSE(parse_ipv6(bad)) << bad;
}

TEST(Ipv6, CountsOnAcrossBytes) {
    EXPECT_EQ(parse_ipv6("fd00::ff")->plus(1).text(), "fd00::100");
    EXPECT_EQ(parse_ipv6("fd00::ffff:ffff")->plus(2).text(), "fd00::1:0:1");
}

TEST(Ipv6Prefix, HasNoBitsBehindItsLength) {
    EXPECT_EQ(parse_ipv6_prefix("fd00:1::/64")->text(), "fd00:1::/64");
    for (const char* bad : {"fd00::1/64", "fd00::/129", "fd00::/", "fd00::/+64", "fd00::", "/64"})
        EXPECT_FALSE(parse_ipv6_prefix(bad)) << bad;
}

TEST(Ipv6Prefix, ContainsAndOverlaps) {
    auto narrow = *parse_ipv6_prefix("fd00:1::/64"), wide = *parse_ipv6_prefix("fd00::/15");
    EXPECT_TRUE(narrow.contains(*parse_ipv6("fd00:1::5")));
    EXPECT_FALSE(narrow.contains(*parse_ipv6("fd00:1:0:1::5")));
    EXPECT_TRUE(wide.overlaps(narrow));
    EXPECT_TRUE(narrow.overlaps(wide));
    EXPECT_FALSE(narrow.overlaps(*parse_ipv6_prefix("fd00:2::/64")));
}

}  // namespace
}  // namespace crank::sys
