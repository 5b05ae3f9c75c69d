#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/plan.h"

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

DesiredService web(std::string address = "8080", std::string name = "web") {
    DesiredService service{.name = name, .hash = "new", .image = "i", .image_id = "sha256:aaaa"};
    service.ports = {{std::move(address), name + ":80", 8080}};
    return service;
}
ObservedContainer running(std::string name = "web") {
    return {.id = "id-" + name,
            .name = "p-" + name + "-1",
            .service = name,
            .hash = "new",
            .image_id = "sha256:aaaa"};
}
std::vector<std::string> lines(const Desired& desired, const Observed& observed,
                               const PlanOptions& options = {}) {
    Result<Plan> plan = plan_up(desired, observed, options);
    if (!plan) return {"error: " + plan.error().text()};
    std::vector<std::string> lines;
    for (const Step& step : plan->steps) lines.push_back(describe(step));
    return lines;
}

TEST(DeployPorts, AreHeldBeforeThereIsAContainer) {
    Desired desired{.project = "p", .services = {web()}};
    EXPECT_THAT(lines(desired, {}), ElementsAre("publish 8080: nothing holds it for web:80",
                                                "create p-web-1: it is not there"));
    EXPECT_THAT(lines(desired, {}, {.starts = false}),
                ElementsAre("create p-web-1: it is not there"));
    Observed observed{.containers = {running()}, .ports = {{"8080", "web:80"}}};
    EXPECT_THAT(lines(desired, observed), IsEmpty());
    // its gateway was killed
    observed.ports.clear();
    EXPECT_THAT(lines(desired, observed), ElementsAre(HasSubstr("publish 8080")));
}

TEST(DeployPorts, AChangedContainerNeedsNoPause) {
    Observed observed{.containers = {running()}, .ports = {{"8080", "web:80"}}};
    observed.containers[0].hash = "old";
    EXPECT_THAT(lines({.project = "p", .services = {web()}}, observed),
                ElementsAre(HasSubstr("recreate p-web-1 (the new one starts first)")));
}

TEST(DeployPorts, AreGivenBackBeforeAnotherTakesThem) {
    Observed observed{.containers = {running()}, .ports = {{"8080", "web:80"}}};
    Desired moved{.project = "p", .services = {web("127.0.0.1:9090")}};
    EXPECT_THAT(lines(moved, observed),
                ElementsAre("unpublish 8080: no service publishes it",
                            "publish 127.0.0.1:9090: nothing holds it for web:80"));
    moved.services[0].replicas = 0;
    EXPECT_THAT(lines(moved, observed),
                ElementsAre("unpublish 8080: no service publishes it", HasSubstr("remove")));
    // of a service that is not selected, or that the file no longer has
    Desired other{.project = "p", .services = {}, .others = {"web"}};
    EXPECT_THAT(lines(other, observed), IsEmpty());
    EXPECT_THAT(lines({.project = "p"}, observed), IsEmpty());
    EXPECT_THAT(lines({.project = "p"}, observed, {.remove_orphans = true}),
                ElementsAre(HasSubstr("remove p-web-1"), HasSubstr("unpublish 8080")));
}

TEST(DeployPorts, WhatAMonitorHoldsItGivesUpFirst) {
    Observed observed{.containers = {running()}};
    observed.containers[0].own_ports = {8080};
    EXPECT_THAT(
        lines({.project = "p", .services = {web()}}, observed),
        ElementsAre("recreate p-web-1 (the old one stops first: it publishes port 8080 itself): "
                    "the project's gateway is to hold port 8080",
                    "publish 8080: nothing holds it for web:80"));
}

TEST(DeployPorts, OfTwoServicesAreAnError) {
    EXPECT_THAT(lines({.project = "p", .services = {web(), web("8080", "api")}}, {}),
                ElementsAre("error: services web and api both publish port 8080"));
    Desired twice{.project = "p", .services = {web()}};
    twice.services[0].ports.push_back(twice.services[0].ports[0]);
    EXPECT_THAT(lines(twice, {}), ElementsAre("error: service web publishes port 8080 twice"));
}

TEST(DeployPorts, GoWithTheProject) {
    Observed observed{.containers = {running()}, .ports = {{"8080", "web:80"}}};
    Result<Plan> plan = plan_down({.project = "p", .others = {"web"}}, observed, {});
    ASSERT_TRUE(plan.has_value());
    EXPECT_EQ(plan->steps[0].action, Action::unpublish);
    EXPECT_EQ(plan->steps[1].action, Action::remove);
}

}  // namespace
}  // namespace crank::deploy
