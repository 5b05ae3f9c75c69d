#include "deploy/plan_addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Desired on_a_network() {
    DesiredService web{.name = "web", .networks = {"default"}};
    return {.project = "p", .services = {web}, .networks = {{"default", "p_default"}}};
}
Observed with_address() {
    ObservedContainer one{.id = "c1", .name = "p-web-1", .service = "web"};
    one.on = {{"p_default", "10.7.0.2"}};
    Observed observed{.containers = {one}};
    observed.networks["p_default"] = {.project = "p"};
    observed.addresses = {{"web", "p_default", "10.7.0.254", {{"c1", "10.7.0.2"}}}};
    return observed;
}
std::vector<std::string> lines(const std::vector<Step>& steps) {
    std::vector<std::string> lines;
    for (const Step& step : steps) lines.push_back(describe(step));
    return lines;
}
std::vector<std::string> led(const Desired& desired, const Observed& observed) {
    return lines(addressed_elsewhere(desired, desired.services.front(), observed));
}

TEST(DeployAddresses, WhatIsAsItIsToBeNeedsNothing) {
    EXPECT_THAT(led(on_a_network(), with_address()), IsEmpty());
    EXPECT_THAT(lines(withdrawn(on_a_network(), with_address(), true)), IsEmpty());
}

TEST(DeployAddresses, WhatIsMissingOrLeadsElsewhereIsLed) {
    Observed observed = with_address();
    observed.addresses.front().led = {{"c1", "10.7.0.9"}};
    EXPECT_THAT(led(on_a_network(), observed),
                ElementsAre("lead to web: what comes is not led to the containers that run"));
    observed.addresses.front().led = {};
    EXPECT_THAT(led(on_a_network(), observed),
                ElementsAre("lead to web: what comes is led to nobody"));
    observed.addresses = {};
    EXPECT_THAT(led(on_a_network(), observed),
                ElementsAre("lead to web: it has no address on p_default"));
}

TEST(DeployAddresses, WhatTheGatewayIsToRelayItHoldsAndTheRulesSay) {
    const auto wrong = ElementsAre("lead to web: its requests are not led as its ports say");
    Observed observed = with_address();
    observed.containers.front().serves = {80, 5432};
    EXPECT_THAT(led(on_a_network(), observed), wrong);
    ObservedAddress& address = observed.addresses.front();
    address.relayed = address.held = {{80, 41234}};
    EXPECT_THAT(led(on_a_network(), observed), IsEmpty());
    // Another gateway, or none.
    address.held = {{80, 41235}};
    EXPECT_THAT(led(on_a_network(), observed), wrong);
    address.held = {};
    EXPECT_THAT(led(on_a_network(), observed), wrong);
    // Where the host drops what is for itself there is none.
    observed.hears = false;
    EXPECT_THAT(led(on_a_network(), observed), wrong);
    address.relayed = {};
    EXPECT_THAT(led(on_a_network(), observed), IsEmpty());
}

TEST(DeployAddresses, WhereNobodyRunsWhatIsRelayedWaitsUnlessNobodyIsTo) {
    Observed observed = with_address();
    observed.containers.clear();
    ObservedAddress& address = observed.addresses.front();
    address.led = {};
    address.relayed = address.held = {{80, 41234}};
    EXPECT_THAT(led(on_a_network(), observed), IsEmpty());
    Desired desired = on_a_network();
    desired.services.front().replicas = 0;
    EXPECT_THAT(led(desired, observed),
                ElementsAre("lead to web: its requests are not led as its ports say"));
}

TEST(DeployAddresses, WhereNamesMeanContainersThereIsNone) {
    Observed observed = with_address();
    observed.addresses = {};
    Desired desired = on_a_network();
    desired.services.front().address = compose::Service::Address::never;
    EXPECT_THAT(led(desired, observed), IsEmpty());
    // As the network is, and not as the file says by now.
    observed.networks["p_default"].between = false;
    EXPECT_THAT(led(on_a_network(), observed), IsEmpty());
    observed.networks.clear();
    EXPECT_THAT(led(on_a_network(), observed),
                ElementsAre("lead to web: it has no address on p_default"));
    desired = on_a_network();
    desired.networks.front().between = false;
    EXPECT_THAT(led(desired, observed), IsEmpty());
}

TEST(DeployAddresses, WhereTheHostDropsWhatItForwardsThereIsNoneUnlessItIsAskedFor) {
    Observed observed = with_address();
    observed.networks["p_default"].forwards = false;
    EXPECT_THAT(lines(withdrawn(on_a_network(), observed, false)),
                ElementsAre("withdraw 10.7.0.254: the name of service web means its containers"));
    observed.addresses = {};
    EXPECT_THAT(led(on_a_network(), observed), IsEmpty());
    Desired desired = on_a_network();
    desired.services.front().address = compose::Service::Address::always;
    EXPECT_THAT(led(desired, observed), ElementsAre("lead to web: it has no address on p_default"));
}

TEST(DeployAddresses, WhatNobodyWantsIsWithdrawn) {
    Desired desired = on_a_network();
    desired.services.front().address = compose::Service::Address::never;
    EXPECT_THAT(lines(withdrawn(desired, with_address(), false)),
                ElementsAre("withdraw 10.7.0.254: the name of service web means its containers"));
    desired = on_a_network();
    desired.services.front().networks = {};
    EXPECT_THAT(lines(withdrawn(desired, with_address(), false)),
                ElementsAre("withdraw 10.7.0.254: service web is not on p_default"));
    desired.services = {};
    // Orphans keep theirs while they stay.
    EXPECT_THAT(lines(withdrawn(desired, with_address(), false)), IsEmpty());
    EXPECT_THAT(lines(withdrawn(desired, with_address(), true)),
                ElementsAre("withdraw 10.7.0.254: the compose file has no service web"));
    desired.others = {"web"};
    EXPECT_THAT(lines(withdrawn(desired, with_address(), true)), IsEmpty());
}

}  // namespace
}  // namespace crank::deploy
