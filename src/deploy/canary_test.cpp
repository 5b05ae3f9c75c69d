#include "deploy/canary.h"

#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

TEST(DeployCanary, IsComparedWithTheOthersOfItsTargets) {
    engine::GatewayView view;
    view.targets = {
        {"web:80", {{.id = "new", .requests = 10, .failed = 1}, {.id = "old", .requests = 90}}},
        {"web:81", {{.id = "new", .requests = 5}, {.id = "old", .requests = 45, .failed = 9}}},
        {"api:80", {{.id = "other", .requests = 7, .failed = 7}}}};
    Compared found = compared(view, "new");
    EXPECT_EQ(found.canary.all, 15u);
    EXPECT_EQ(found.canary.failed, 1u);
    EXPECT_EQ(found.others.all, 135u);
    EXPECT_EQ(found.others.failed, 9u);
    EXPECT_EQ(compared(view, "nobody").others.all, 0u);
}

TEST(DeployCanary, FailsWhereItFailsMoreOftenThanTheOthers) {
    EXPECT_EQ(complaint({.canary = {100, 5}, .others = {900, 0}}, 5), "");
    EXPECT_EQ(complaint({.canary = {100, 6}, .others = {900, 0}}, 5),
              "answered 6 of 100 requests with an error, and the others 0 of 900");
    // What fails for everybody is not its fault.
    EXPECT_EQ(complaint({.canary = {100, 50}, .others = {900, 450}}, 5), "");
    EXPECT_NE(complaint({.canary = {100, 56}, .others = {900, 450}}, 5), "");
    // So few say nothing.
    EXPECT_EQ(complaint({.canary = {19, 19}, .others = {900, 0}}, 5), "");
    EXPECT_NE(complaint({.canary = {20, 1}, .others = {0, 0}}, 0), "");
    EXPECT_EQ(complaint({}, 0), "");
}

}  // namespace
}  // namespace crank::deploy
