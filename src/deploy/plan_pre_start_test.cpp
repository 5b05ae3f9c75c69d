#include "deploy/plan_pre_start.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

DesiredService service() {
    DesiredService one{.name = "web", .hash = "new", .image = "i", .image_id = "sha256:a"};
    one.pre_start = {{.image = "i", .image_id = "sha256:a"},
                     {.image = "j", .image_id = "sha256:b", .per_replica = true}};
    return one;
}
Observed done_for(const DesiredService& one) {
    return {.containers = {}, .prepared = {{one.name, pre_start_key(one)}}};
}
using Indexes = std::vector<std::size_t>;
std::vector<Indexes> planned(const Observed& observed, std::vector<Action> actions,
                             const PlanOptions& options = {}) {
    std::vector<Step> steps;
    for (Action action : actions)
        steps.push_back({.action = action, .service = "web", .container = "c"});
    plan_pre_start(service(), observed, options, steps);
    std::vector<Indexes> all;
    for (const Step& step : steps) all.push_back(step.pre_start);
    return all;
}

TEST(PlanPreStart, WhatIsForAllRunsBeforeTheFirstThatStarts) {
    EXPECT_THAT(planned({}, {Action::rename, Action::recreate, Action::create, Action::remove}),
                ElementsAre(IsEmpty(), ElementsAre(0, 1), ElementsAre(1), IsEmpty()));
    EXPECT_THAT(planned({}, {Action::start, Action::start}), ElementsAre(ElementsAre(0), IsEmpty()))
        << "that one is not new";
    EXPECT_THAT(planned({}, {Action::create}, {.starts = false}), ElementsAre(IsEmpty()));
}

TEST(PlanPreStart, WhatSucceededRunsAgainForAnotherConfigurationImageOrByForce) {
    Observed done = done_for(service());
    EXPECT_THAT(planned(done, {Action::create}), ElementsAre(ElementsAre(1)));
    EXPECT_THAT(planned(done, {Action::recreate}, {.recreate = Recreate::always}),
                ElementsAre(ElementsAre(0, 1)));
    for (auto change : {+[](DesiredService& one) { one.hash = "other"; },
                        +[](DesiredService& one) { one.image_id = "sha256:c"; },
                        +[](DesiredService& one) { one.pre_start[1].image_id = "sha256:c"; }}) {
        DesiredService other = service();
        change(other);
        EXPECT_THAT(planned(done_for(other), {Action::create}), ElementsAre(ElementsAre(0, 1)));
    }
}

TEST(PlanPreStart, OneThatWasNeverStartedIsNew) {
    Observed done = done_for(service());
    done.containers = {{.id = "c", .state = ObservedContainer::State::created}};
    EXPECT_THAT(planned(done, {Action::start}), ElementsAre(ElementsAre(1)));
    done.containers[0].state = ObservedContainer::State::exited;
    EXPECT_THAT(planned(done, {Action::start}), ElementsAre(IsEmpty()));
}

TEST(PlanPreStart, APlanSaysHowManyRunBefore) {
    Step step{.action = Action::create, .object = "p-web-1", .reasons = {"it is not there"}};
    step.pre_start = {0};
    EXPECT_EQ(describe(step), "create p-web-1 (after 1 step of pre_start): it is not there");
    step.pre_start = {0, 1};
    EXPECT_EQ(describe(step), "create p-web-1 (after 2 steps of pre_start): it is not there");
    step.action = Action::recreate;
    step.thaws = "frozen";
    EXPECT_EQ(describe(step),
              "recreate p-web-1 (the one that was kept frozen goes on): it is not there");
}

TEST(PlanPreStart, AnImageOfAStepIsPulledOrBuiltLikeAnother) {
    DesiredService one = service();
    one.pre_start[1].image_id = "";
    Desired desired{.project = "p", .services = {one}};
    auto first = [&](const PlanOptions& options) {
        Result<Plan> plan = plan_up(desired, {}, options);
        return plan ? describe(plan->steps[0]) : "error: " + plan.error().text();
    };
    EXPECT_EQ(first({}), "pull j: it is not here");
    EXPECT_EQ(first({.images = {Images::ready}}), "error: service web: no such image: j");
    EXPECT_EQ(first({.images = {Images::never}}),
              "error: service web: no such image: j, and it is not to be pulled");
    desired.builders = {{"docker.io/library/j:latest", "tool"}};
    EXPECT_EQ(first({}), "build j: it is not here");
}

}  // namespace
}  // namespace crank::deploy
