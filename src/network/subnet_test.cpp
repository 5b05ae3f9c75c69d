#include "network/subnet.h"

#include <gtest/gtest.h>

namespace crank::network {
namespace {

std::vector<sys::Ipv4Prefix> ranges(std::initializer_list<const char*> texts) {
    std::vector<sys::Ipv4Prefix> out;
    for (const char* text : texts) out.push_back(*sys::parse_ipv4_prefix(text));
    return out;
}

TEST(Subnet, CandidatesAreProperRanges) {
    for (const auto& candidate : subnet_candidates()) {
        EXPECT_TRUE(parse_subnet(candidate.text())) << candidate.text();
        EXPECT_FALSE(find_overlap(
            candidate, ranges({"172.17.0.0/16", "192.168.0.0/23", "192.168.122.0/24", "10.0.0.0/16",
                               "10.42.0.0/15", "10.88.0.0/15", "10.96.0.0/12", "10.244.0.0/16"})))
            << candidate.text();
    }
}

TEST(Subnet, TheFirstFreeCandidateIsChosen) {
    EXPECT_EQ(choose_subnet({})->text(), "10.188.0.0/16");
    EXPECT_EQ(choose_subnet(ranges({"10.188.7.0/24"}))->text(), "10.189.0.0/16");
    EXPECT_EQ(choose_subnet(ranges({"10.0.0.0/8"}))->text(), "172.30.0.0/16");
    EXPECT_EQ(choose_subnet(ranges({"10.0.0.0/8", "172.16.0.0/12"}))->text(), "192.168.208.0/20");
}

TEST(Subnet, DefaultRoutesClaimNothing) {
    EXPECT_EQ(choose_subnet(ranges({"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1"}))->text(),
              "10.188.0.0/16");
}

TEST(Subnet, WithoutAFreeCandidateTheErrorSaysWhatToDo) {
    auto chosen = choose_subnet(ranges({"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"}));
    ASSERT_FALSE(chosen);
    EXPECT_EQ(chosen.error().code(), Code::exhausted);
    EXPECT_NE(chosen.error().hint().find("network.subnet"), std::string::npos);
}

TEST(Subnet, RefusesWhatIsNoUsableRange) {
    for (const char* text : {"", "10.88.0.0", "10.88.0.1/16", "10.88.0.0/30", "8.0.0.0/7", "x"}) {
        auto subnet = parse_subnet(text);
        ASSERT_FALSE(subnet) << text;
        EXPECT_EQ(subnet.error().code(), Code::invalid_argument);
        EXPECT_TRUE(subnet.error().text().starts_with("invalid subnet '" + std::string(text) + "'"))
            << subnet.error().text();
    }
}

}  // namespace
}  // namespace crank::network
