#include "deploy/plan_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

DesiredService service(std::string name, std::int64_t replicas) {
    return {.name = std::move(name),
            .identity = R"({"image":"i:2"})",
            .hash = "new",
            .image = "i:2",
            .image_id = "sha256:aaaabbbbccccdddd",
            .replicas = replicas};
}
Observed old_ones(const std::string& service, std::int64_t count) {
    Observed observed;
    for (std::int64_t number = 1; number <= count; number++) {
        std::string name = "p-" + service + "-" + std::to_string(number);
        observed.containers.push_back({.id = "id-" + name,
                                       .name = name,
                                       .service = service,
                                       .hash = "old",
                                       .image_id = "sha256:aaaabbbbccccdddd",
                                       .number = number,
                                       .serves = {80}});
    }
    return observed;
}
// Of the service `web`, as many as the batches have: {2, 1}.
std::vector<int> batches(const Plan& plan) {
    std::vector<int> sizes;
    for (const Step& step : plan.steps) {
        if (step.action != Action::recreate) continue;
        if (step.together && !sizes.empty())
            sizes.back()++;
        else
            sizes.push_back(1);
    }
    return sizes;
}
Plan plan_of(DesiredService web, const PlanOptions& options = {}) {
    std::int64_t count = web.replicas;
    return plan_up({.project = "p", .services = {std::move(web)}}, old_ones("web", count), options)
        .value();
}

TEST(DeployBatches, AreAsBigAsTheFileSays) {
    DesiredService web = service("web", 5);
    EXPECT_THAT(batches(plan_of(web)), ElementsAre(1, 1, 1, 1, 1));
    web.update.parallelism = 2;
    EXPECT_THAT(batches(plan_of(web)), ElementsAre(2, 2, 1));
    web.update.parallelism = 5;
    EXPECT_THAT(batches(plan_of(web)), ElementsAre(5));
    web.update.parallelism = 9;
    EXPECT_THAT(batches(plan_of(web)), ElementsAre(5));
    web.update.parallelism = 0;
    EXPECT_THAT(batches(plan_of(web)), ElementsAre(5));
    // The way back has its own.
    EXPECT_THAT(batches(plan_of(web, {.back = true})), ElementsAre(1, 1, 1, 1, 1));
    web.rollback.parallelism = 3;
    EXPECT_THAT(batches(plan_of(web, {.back = true})), ElementsAre(3, 2));
}

TEST(DeployBatches, TheDelayIsBetweenThem) {
    DesiredService web = service("web", 4);
    web.update.parallelism = 2;
    web.update.delay = std::chrono::seconds(5);
    Plan plan = plan_of(web);
    ASSERT_THAT(plan.steps, SizeIs(4));
    std::vector<std::int64_t> delays;
    for (const Step& step : plan.steps) delays.push_back(step.delay / std::chrono::seconds(1));
    EXPECT_THAT(delays, ElementsAre(0, 0, 5, 0));
    EXPECT_THAT(describe(plan.steps[1]),
                HasSubstr("recreate p-web-2 (at once with the one before) (the new one starts "
                          "first): "));
}

TEST(DeployBatches, ACanaryIsAlone) {
    DesiredService web = service("web", 4);
    web.update.parallelism = 0;
    web.canary = compose::Canary{.share = 10};
    EXPECT_THAT(batches(plan_of(web)), ElementsAre(1, 3));
}

TEST(DeployBatches, NothingComesBetweenTwoOfThem) {
    DesiredService web = service("web", 3);
    web.update.parallelism = 0;
    Observed observed = old_ones("web", 3);
    for (std::int64_t number : {1, 2})
        observed.warm.push_back({.id = "w" + std::to_string(number),
                                 .name = "w_p-web-" + std::to_string(number),
                                 .service = "web",
                                 .hash = "before",
                                 .number = number});
    Plan plan = plan_up({.project = "p", .services = {web}}, observed, {}).value();
    EXPECT_THAT(batches(plan), ElementsAre(3));
    ASSERT_THAT(plan.steps, SizeIs(5));
    EXPECT_EQ(plan.steps[3].action, Action::cool);
    EXPECT_EQ(plan.steps[4].container, "w2");
}

TEST(DeployBatches, OnlyWhatIsReplacedCounts) {
    DesiredService web = service("web", 4);
    web.update.max_failure_ratio = 0.25;
    web.update.goes_on = true;
    web.update.monitor = std::chrono::seconds(3);
    web.rollback.max_failure_ratio = 0.5;
    DesiredService db = service("db", 1);
    Observed observed = old_ones("web", 3);
    observed.containers[0].hash = "new";
    Desired both{.project = "p", .services = {web, db}};
    Plan plan = plan_up(both, observed, {}).value();
    ASSERT_THAT(plan.tolerances, SizeIs(1));
    EXPECT_EQ(
        plan.tolerances["web"],
        (Tolerance{
            .replaced = 2, .ratio = 0.25, .goes_on = true, .monitor = std::chrono::seconds(3)}));
    plan = plan_up(both, observed, {.back = true}).value();
    EXPECT_EQ(plan.tolerances["web"],
              (Tolerance{.replaced = 2, .ratio = 0.5, .is_waited_for = true}));
}

TEST(DeployBatches, StepsOfServicesGoSideBySideAndThoseOfTheProjectDoNot) {
    Desired two{.project = "p", .services = {service("db", 1), service("web", 1)}};
    two.services[1].depends_on = {{"db", compose::Dependency::Condition::healthy}};
    two.services[1].networks = {"default"};
    two.networks = {{"default", "p_default"}};
    Plan plan = plan_up(two, {}, {}).value();
    ASSERT_THAT(plan.steps, SizeIs(4));
    EXPECT_FALSE(plan.steps[0].beside);
    for (std::size_t i = 1; i < 4; i++) EXPECT_TRUE(plan.steps[i].beside);
    for (const Step& step : plan_down(two, old_ones("web", 2), {}).value().steps)
        EXPECT_FALSE(step.beside);
}

}  // namespace
}  // namespace crank::deploy
