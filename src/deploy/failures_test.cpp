#include "deploy/failures.h"

#include <gtest/gtest.h>

namespace crank::deploy {
namespace {

using Tolerances = std::map<std::string, Tolerance>;

TEST(DeployFailures, TheFirstOneEndsAChangeWhereNobodySaysOtherwise) {
    Tolerances four = {{"web", {.replaced = 4}}};
    EXPECT_FALSE(Failures(four).may_go_on("web"));
    Tolerances none;
    EXPECT_FALSE(Failures(none).may_go_on("web"));
    EXPECT_TRUE(Failures(none).check());
}

TEST(DeployFailures, AsManyAsTheShareMayFailAndNotOneMore) {
    Tolerances half = {{"web", {.replaced = 4, .ratio = 0.5}}, {"db", {.replaced = 1}}};
    Failures failures(half);
    EXPECT_TRUE(failures.may_go_on("web"));
    EXPECT_TRUE(failures.may_go_on("web"));
    EXPECT_TRUE(failures.check());
    EXPECT_FALSE(failures.may_go_on("web"));
    EXPECT_EQ(failures.count("web"), "3 of 4 containers of service web have failed");
    EXPECT_EQ(failures.count("db"), "0 of 1 containers of service db have failed");
    // A tenth of ten is one, however numbers with a fraction are kept.
    Tolerances tenth = {{"web", {.replaced = 10, .ratio = 0.1}}};
    Failures ten(tenth);
    EXPECT_TRUE(ten.may_go_on("web"));
    EXPECT_FALSE(ten.may_go_on("web"));
    Tolerances all = {{"web", {.replaced = 1, .ratio = 1}}};
    EXPECT_TRUE(Failures(all).may_go_on("web"));
}

TEST(DeployFailures, WhoGoesOnIsToldInTheEnd) {
    Tolerances two = {{"web", {.replaced = 2, .goes_on = true}}};
    Failures failures(two);
    EXPECT_TRUE(failures.may_go_on("web"));
    Result<void> checked = failures.check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().text(), "1 of 2 containers of service web has failed");
    EXPECT_EQ(checked.error().code(), Code::failed_precondition);
}

}  // namespace
}  // namespace crank::deploy
