#include <gtest/gtest.h>

#include "engine/options.h"

namespace crank::engine {
namespace {

std::string error_of(const NetworkFlags& flags) {
    RunOptions options;
    auto applied = apply_network_flags(flags, options);
    return applied ? "" : applied.error().text();
}

TEST(NetworkFlags, TheDefaultAloneIsNoNetworkOfOnesOwn) {
    for (const std::vector<std::string>& networks :
         {std::vector<std::string>{}, {"bridge"}, {"default"}}) {
        RunOptions options;
        ASSERT_TRUE(apply_network_flags({.networks = networks, .ip = "10.188.0.9"}, options));
        EXPECT_EQ(options.network, NetworkMode::bridge);
        EXPECT_TRUE(options.networks.empty());
        EXPECT_EQ(options.settings.ip, "10.188.0.9");
    }
}

TEST(NetworkFlags, TheFirstNetworkHasTheFlagsThatNameNone) {
    RunOptions options;
    ASSERT_TRUE(
        apply_network_flags({.networks = {"front", "name=back,alias=db,alias=sql,ip=10.1.0.5"},
                             .aliases = {"web"},
                             .ip = "10.2.0.5",
                             .ip6 = "fd00::5"},
                            options));
    EXPECT_EQ(options.networks,
              (std::vector<NetworkUse>{
                  {.name = "front", .aliases = {"web"}, .ip = "10.2.0.5", .ip6 = "fd00::5"},
                  {.name = "back", .aliases = {"db", "sql"}, .ip = "10.1.0.5"}}));
    EXPECT_EQ(options.settings.ip, "");
}

TEST(NetworkFlags, OthersWordsForANetworkStayAsTheyWere) {
    RunOptions options;
    ASSERT_TRUE(apply_network_flags(
        {.networks = {"container:web"}, .aliases = {}, .ip = {}, .ip6 = {}}, options));
    EXPECT_EQ(options.network, NetworkMode::container);
    EXPECT_EQ(options.settings.network_of, "web");
}

TEST(NetworkFlags, WhatMakesNoSenseIsNamed) {
    EXPECT_EQ(error_of({.networks = {"host", "front"}}),
              "conflicting options: --network host goes with no other network");
    EXPECT_EQ(error_of({.networks = {"none"}, .ip = "10.0.0.1"}),
              "--ip is for a container on the bridge or a network");
    EXPECT_EQ(error_of({.networks = {"front", "front"}}), "--network \"front\": it is given twice");
    EXPECT_EQ(error_of({.networks = {"name=front,mtu=9"}}),
              "--network \"name=front,mtu=9\": crank has no \"mtu\" of a network");
    EXPECT_EQ(error_of({.networks = {"alias=a"}}), "--network \"alias=a\": name=NAME is missing");
    EXPECT_EQ(error_of({.networks = {"name=n,ip=10.0.0"}}), "--ip \"10.0.0\": no IPv4 address");
    EXPECT_EQ(error_of({.networks = {"n"}, .ip6 = "10.0.0.1"}),
              "--ip6 \"10.0.0.1\": no IPv6 address");
    EXPECT_EQ(error_of({.networks = {"n"}, .aliases = {"a b"}}),
              "--network-alias: invalid name \"a b\": 1 to 128 letters, digits, '_', '.' and '-', "
              "a letter or digit first");
    EXPECT_NE(error_of({.aliases = {"web"}}).find("on the default network"), std::string::npos);
    EXPECT_NE(error_of({.ip6 = "fd00::1"}).find("IPv4 addresses alone"), std::string::npos);
}

}  // namespace
}  // namespace crank::engine
