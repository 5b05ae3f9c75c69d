#include "deploy/plan_gpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::HasSubstr;

GpuChoice::Gpu gpu(const std::string& number) {
    return {.name = "nvidia.com/gpu=" + number, .nodes = {"/dev/nvidia" + number}};
}
GpuChoice one_of_two() { return {.from = {gpu("0"), gpu("1")}, .count = 1}; }

DesiredService service(const std::string& name, std::int64_t replicas = 1) {
    DesiredService service{
        .name = name, .hash = "new", .image_id = "sha256:a", .replicas = replicas};
    service.gpus = {one_of_two()};
    return service;
}
ObservedContainer container(const std::string& id, const std::string& service,
                            std::int64_t number = 1) {
    ObservedContainer one{.id = id, .service = service, .hash = "old", .image_id = "sha256:a"};
    one.name = "p-" + service + "-" + std::to_string(number);
    one.number = number;
    return one;
}

TEST(DeployGpus, ASpareOneIsTaken) {
    Desired desired{.project = "p", .services = {service("web")}};
    desired.gpus_in_use = {{"/dev/nvidia0", {"c1"}}};
    SpareGpus spare(desired);
    EXPECT_EQ(spare.in_the_way(desired.services[0], container("c1", "web"), false), "");
}

TEST(DeployGpus, NoneToSpareNamesThem) {
    Desired desired{.project = "p", .services = {service("web")}};
    desired.gpus_in_use = {{"/dev/nvidia0", {"c1"}}, {"/dev/nvidia1", {"others"}}};
    SpareGpus spare(desired);
    EXPECT_EQ(spare.in_the_way(desired.services[0], container("c1", "web"), false),
              "it has 1 of nvidia.com/gpu=0, nvidia.com/gpu=1, and there is none to spare");
    // its end would make no room
    EXPECT_EQ(spare.in_the_way(desired.services[0], container("c2", "web"), false), "");
}

// The same GPU has several names, and is one.
TEST(DeployGpus, ADeviceByAnotherNameIsTheSame) {
    DesiredService web = service("web");
    web.gpus = {
        {.from = {{.name = "nvidia.com/gpu=GPU-3b", .nodes = {"/dev/nvidia0"}}}, .count = 1}};
    Desired desired{.project = "p", .services = {web}};
    desired.gpus_in_use = {{"/dev/nvidia0", {"c1"}}};
    EXPECT_THAT(SpareGpus(desired).in_the_way(web, container("c1", "web"), false),
                HasSubstr("none to spare"));
}

TEST(DeployGpus, TwoThatAreReplacedTogetherWantTwo) {
    for (std::int64_t parallelism : {1, 2}) {
        DesiredService web = service("web", 2);
        web.gpus[0].from.push_back(gpu("2"));
        web.update.parallelism = parallelism;
        Desired desired{.project = "p", .services = {web}};
        desired.gpus_in_use = {{"/dev/nvidia0", {"c1"}}, {"/dev/nvidia1", {"c2"}}};
        Observed observed{.containers = {container("c1", "web"), container("c2", "web", 2)}};
        Plan plan = plan_up(desired, observed, {}).value();
        ASSERT_EQ(plan.steps.size(), 2U);
        EXPECT_TRUE(plan.steps[0].start_first);
        // one behind the other each has the one that is spare by then
        EXPECT_EQ(plan.steps[1].start_first, parallelism == 1);
    }
}

TEST(DeployGpus, TwoServicesDoNotTakeTheSameSpareOne) {
    DesiredService web = service("web"), api = service("api");
    for (DesiredService* one : {&web, &api}) one->gpus[0].from.push_back(gpu("2"));
    Desired desired{.project = "p", .services = {web, api}};
    desired.gpus_in_use = {{"/dev/nvidia0", {"c1"}}, {"/dev/nvidia1", {"c2"}}};
    Plan plan =
        plan_up(desired, {.containers = {container("c1", "web"), container("c2", "api")}}, {})
            .value();
    ASSERT_EQ(plan.steps.size(), 2U);
    EXPECT_TRUE(plan.steps[0].start_first);
    EXPECT_FALSE(plan.steps[1].start_first);
    EXPECT_THAT(describe(plan.steps[1]), HasSubstr("(the old one stops first: it has 1 of "));
}

TEST(DeployGpus, ARolloutThatSaysItIsSafeIsBelieved) {
    DesiredService web = service("web");
    web.update.said_to_be_safe = true;
    Desired desired{.project = "p", .services = {web}};
    desired.gpus_in_use = {{"/dev/nvidia0", {"c1"}}, {"/dev/nvidia1", {"c1"}}};
    Plan plan = plan_up(desired, {.containers = {container("c1", "web")}}, {}).value();
    ASSERT_EQ(plan.steps.size(), 1U);
    EXPECT_TRUE(plan.steps[0].start_first);
}

}  // namespace
}  // namespace crank::deploy
