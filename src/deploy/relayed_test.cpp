#include "deploy/relayed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(RelayedPorts, WhatMaySpeakHttpIsRelayed) {
    EXPECT_THAT(relayed_ports({.name = "web"}, {80, 3306, 5432, 8000}), ElementsAre(80, 8000));
    EXPECT_THAT(relayed_ports({.name = "web"}, {}), IsEmpty());
}

TEST(RelayedPorts, TheFileKnowsBetter) {
    DesiredService service{.name = "web", .speaks_http = {{3306, true}, {80, false}}};
    EXPECT_THAT(relayed_ports(service, {80, 3306, 5432, 8000}), ElementsAre(3306, 8000));
}

}  // namespace
}  // namespace crank::deploy
