#include "sys/ipv4.h"

#include <gtest/gtest.h>

namespace crank::sys {
namespace {

TEST(Ipv4, ReadsAndWritesDottedDecimal) {
    ASSERT_TRUE(parse_ipv4("10.88.0.1"));
    EXPECT_EQ(parse_ipv4("10.88.0.1")->value, 0x0a580001u);
    EXPECT_EQ(parse_ipv4("255.255.255.255")->text(), "255.255.255.255");
    EXPECT_EQ(Ipv4{0}.text(), "0.0.0.0");
}

TEST(Ipv4, RefusesWhatIsNoAddress) {
    for (const char* text :
         {"", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.", ".1.2.3", "01.2.3.4", "1.2.3.4 ",
          "1.2.3.-4", "1,2,3,4", "::1", "localhost", "1.2.3.99999999999999999999"})
        EXPECT_FALSE(parse_ipv4(text)) << text;
}

TEST(Ipv4Prefix, ReadsAndWritesCidr) {
    auto prefix = parse_ipv4_prefix("10.88.0.0/16");
    ASSERT_TRUE(prefix);
    EXPECT_EQ(prefix->text(), "10.88.0.0/16");
    EXPECT_EQ(prefix->mask(), 0xffff0000u);
    EXPECT_EQ(prefix->size(), 65536u);
    EXPECT_TRUE(prefix->contains(*parse_ipv4("10.88.255.255")));
    EXPECT_FALSE(prefix->contains(*parse_ipv4("10.89.0.0")));
    EXPECT_EQ(parse_ipv4_prefix("0.0.0.0/0")->size(), std::uint64_t{1} << 32);
    EXPECT_EQ(parse_ipv4_prefix("1.2.3.4/32")->mask(), 0xffffffffu);
}

TEST(Ipv4Prefix, RefusesWhatIsNoPrefix) {
    for (const char* text : {"", "10.88.0.0", "10.88.0.0/", "10.88.0.0/33", "10.88.0.0/-1",
                             "10.88.0.0/16x", "10.88.0.1/16", "/16", "10.88.0/16"})
        EXPECT_FALSE(parse_ipv4_prefix(text)) << text;
}

TEST(Ipv4Prefix, OverlapsWorkBothWays) {
    auto small = *parse_ipv4_prefix("10.88.3.0/24"), big = *parse_ipv4_prefix("10.0.0.0/8");
    auto other = *parse_ipv4_prefix("10.89.0.0/16");
    EXPECT_TRUE(small.overlaps(big));
    EXPECT_TRUE(big.overlaps(small));
    EXPECT_FALSE(small.overlaps(other));
    EXPECT_TRUE(parse_ipv4_prefix("0.0.0.0/0")->overlaps(other));
}

TEST(Ipv6, IsRecognised) {
    EXPECT_TRUE(is_ipv6("::1"));
    EXPECT_TRUE(is_ipv6("fe80::1"));
    EXPECT_FALSE(is_ipv6("127.0.0.1"));
    EXPECT_FALSE(is_ipv6("[::1]"));
    EXPECT_FALSE(is_ipv6("fe80::1%eth0"));
    EXPECT_FALSE(is_ipv6(""));
}

}  // namespace
}  // namespace crank::sys
