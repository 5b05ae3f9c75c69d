#include "deploy/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using testing::HasSubstr;

Plan two_steps() {
    Plan plan;
    plan.steps.push_back({.action = Action::create_network, .object = "mail_default"});
    plan.steps.push_back({.action = Action::recreate,
                          .object = "mail-web-1",
                          .container = "0123456789abcdef",
                          .reasons = {"image: a -> b"}});
    return plan;
}

SavedPlan saved() {
    return {.release = {.number = 1,
                        .project = "mail",
                        .directory = "/srv/mail",
                        .file = "services: {}\n",
                        .environment = {{"TOKEN", "t0k\xc3\xa9n"}},
                        .services = {{"web", "web:1", "sha256:12", 2}}},
            .recreate = Recreate::never,
            .remove_orphans = true,
            .waits = false,
            .steps = saved_steps(two_steps())};
}

TEST(PlanFile, IsReadAsItWasWritten) {
    Result<SavedPlan> read = parse_saved_plan(serialize(saved()));
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(*read, saved());
}

TEST(PlanFile, WhatIsNoPlanIsSaidToBeNone) {
    for (std::string text : {"", "{", "[]", "{\"format\": \"crank plan 2\"}", "services: {}"}) {
        Result<SavedPlan> read = parse_saved_plan(text);
        ASSERT_FALSE(read) << text;
        EXPECT_THAT(read.error().text(), HasSubstr("no plan of this crank")) << text;
    }
    std::string text = serialize(saved());
    text.replace(text.find("never"), 5, "maybe");
    EXPECT_THAT(parse_saved_plan(text).error().text(), HasSubstr("recreate"));
    EXPECT_THAT(parse_saved_plan(R"({"format": "crank plan 1"})").error().text(),
                HasSubstr("no record of a release"));
}

TEST(PlanFile, AnotherPlanIsRefusedByItsFirstStepThatDiffers) {
    std::vector<SavedStep> planned = saved_steps(two_steps());
    EXPECT_TRUE(check_same(planned, two_steps()));

    Plan now = two_steps();
    now.steps[1].container = "fedcba9876543210";
    EXPECT_THAT(
        check_same(planned, now).error().text(),
        HasSubstr("step 2 was \"recreate mail-web-1: image: a -> b\", of another container"));
    now = two_steps();
    now.steps.pop_back();
    EXPECT_THAT(
        check_same(planned, now).error().text(),
        HasSubstr("step 2 was \"recreate mail-web-1: image: a -> b\", and would be nothing"));
    EXPECT_THAT(check_same({}, two_steps()).error().text(),
                HasSubstr("step 1 was nothing, and would be \"create network mail_default\""));
}

}  // namespace
}  // namespace crank::deploy
