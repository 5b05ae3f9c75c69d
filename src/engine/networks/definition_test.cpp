#include "engine/networks/definition.h"

#include <gtest/gtest.h>

namespace crank::engine::networks {
namespace {

std::string error_of(const Asked& asked, const std::vector<Definition>& others = {}) {
    auto made = define(asked, others);
    return made ? "" : made.error().text();
}

Asked asked(std::string name = "front") {
    Asked made;
    made.name = std::move(name);
    return made;
}

Definition named(const std::string& name, const std::string& subnet,
                 const std::string& subnet6 = "") {
    Definition made;
    made.name = name;
    made.subnet = subnet;
    made.subnet6 = subnet6;
    return made;
}

TEST(NetworkDefinition, WhatIsAskedForIsTaken) {
    Asked wanted = asked();
    wanted.subnets = {"10.7.0.0/24", "fd00:7::/64"};
    wanted.gateways = {"10.7.0.254", "fd00:7::fe"};
    wanted.ranges = {"10.7.0.128/25"};
    wanted.ipv6 = wanted.internal = true;
    wanted.options = {{std::string(kOptionMtu), "1400"}};
    wanted.labels = {{"team", "mail"}};
    auto made = define(wanted, {named("back", "10.8.0.0/24", "fd00:8::/64")});
    ASSERT_TRUE(made) << made.error().text();
    EXPECT_EQ(made->subnet, "10.7.0.0/24");
    EXPECT_EQ(made->gateway, "10.7.0.254");
    EXPECT_EQ(made->range, "10.7.0.128/25");
    EXPECT_EQ(made->subnet6, "fd00:7::/64");
    EXPECT_EQ(made->gateway6, "fd00:7::fe");
    EXPECT_TRUE(made->internal);
    EXPECT_EQ(made->labels, wanted.labels);
}

TEST(NetworkDefinition, GatewaysFollowFromRanges) {
    Definition made = named("front", "10.7.0.0/24", "fd00:7::/64");
    ASSERT_TRUE(complete(made));
    EXPECT_EQ(made.gateway, "10.7.0.1");
    EXPECT_EQ(made.gateway6, "fd00:7::1");
    EXPECT_EQ(unique_subnet6(0x0123456789abcdef), "fdcd:ab89:6745::/64");
}

TEST(NetworkDefinition, NamesAreDockersAndEachIsThereOnce) {
    for (const char* bad : {"", "a", "-a", ".a", "a/b", "a b", "../a", "a\n"})
        EXPECT_TRUE(error_of(asked(bad)).starts_with("invalid network name")) << bad;
    EXPECT_EQ(error_of(asked("front"), {named("front", "10.7.0.0/24")}),
              "network with name front already exists");
    for (const char* taken : {"bridge", "host", "none", "default"})
        EXPECT_EQ(error_of(asked(taken)),
                  "network with name " + std::string(taken) + " already exists");
}

TEST(NetworkDefinition, OtherDriversAndOptionsAreNamed) {
    Asked wanted = asked();
    wanted.driver = "overlay";
    EXPECT_EQ(error_of(wanted), "network driver \"overlay\" is not supported");
    wanted = asked();
    wanted.options = {{"com.example.colour", "red"}};
    EXPECT_EQ(error_of(wanted), "--opt com.example.colour: crank has no such option of a network");
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{std::string(kOptionMtu), "99"},
                                            {std::string(kOptionDevice), "a name that is too long"},
                                            {std::string(kOptionBetween), "perhaps"}}) {
        wanted.options = {{key, value}};
        EXPECT_TRUE(error_of(wanted).starts_with("--opt " + key + "=" + value + ": ")) << key;
    }
}

TEST(NetworkDefinition, RangesMeetNoOthers) {
    Asked wanted = asked();
    wanted.subnets = {"10.7.0.0/16"};
    EXPECT_EQ(error_of(wanted, {named("back", "10.7.3.0/24")}),
              "subnet 10.7.0.0/16 overlaps 10.7.3.0/24 of network back");
    wanted.subnets = {"fd00:7::/64"};
    wanted.ipv6 = true;
    EXPECT_EQ(error_of(wanted, {named("back", "10.8.0.0/24", "fd00::/48"),
                                named("side", "10.9.0.0/24", "fd00:7::/64")}),
              "subnet fd00:7::/64 overlaps fd00:7::/64 of network side");
}

TEST(NetworkDefinition, AddressesThatDoNotFitAreNamed) {
    Asked wanted = asked();
    wanted.subnets = {"10.7.0.1/24"};
    EXPECT_TRUE(error_of(wanted).starts_with("--subnet: invalid subnet '10.7.0.1/24'"));
    wanted.subnets = {"10.7.0.0/24", "10.8.0.0/24"};
    EXPECT_TRUE(error_of(wanted).starts_with("--subnet 10.8.0.0/24: a second one"));
    wanted.subnets = {"fd00:7::/64"};
    EXPECT_EQ(error_of(wanted), "--subnet fd00:7::/64: an IPv6 range without --ipv6");
    wanted = asked();
    wanted.gateways = {"10.7.0.1"};
    EXPECT_EQ(error_of(wanted), "--gateway 10.7.0.1: no --subnet has it");
    wanted.subnets = {"10.7.0.0/24"};
    for (const char* edge : {"10.7.0.0", "10.7.0.255"}) {
        wanted.gateways = {edge};
        EXPECT_TRUE(error_of(wanted).ends_with("the range keeps that address for itself"));
    }
    wanted.gateways = {"gateway"};
    EXPECT_EQ(error_of(wanted), "--gateway gateway: it is no IP address");
    wanted.gateways = {};
    for (const char* range : {"10.8.0.0/25", "10.0.0.0/8"}) {
        wanted.ranges = {range};
        EXPECT_EQ(error_of(wanted), "--ip-range " + std::string(range) + ": no --subnet has it");
    }
}

TEST(NetworkDefinition, IsKeptAsItIs) {
    Definition made = named("front", "10.7.0.0/24", "fd00:7::/64");
    made.id = std::string(64, 'a');
    made.created_ns = 1;
    made.gateway = "10.7.0.1";
    made.gateway6 = "fd00:7::1";
    made.range = "10.7.0.128/25";
    made.internal = made.attachable = true;
    made.options = {{"a", "b"}};
    made.labels = {{"c", ""}};
    auto read = parse_definition(serialize(made));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, made);
    for (const char* bad : {"", "{}", "[1]", R"({"version": 2})"})
        EXPECT_EQ(parse_definition(bad).error().code(), Code::corrupt) << bad;
}

}  // namespace
}  // namespace crank::engine::networks
