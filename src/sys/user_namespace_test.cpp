#include "sys/user_namespace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace crank::sys {
namespace {

using ::testing::HasSubstr;

TEST(UserNamespace, IsMadeWithItsMapsAndGoneWithItsDescriptor) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to map ids that are not its own";
    IdMaps maps{{{0, 100000, 10}, {1000, 200000, 1}}, {{5, 300000, 7}}};
    auto made = create_user_namespace(maps);
    ASSERT_TRUE(made) << made.error().text();
    auto read = maps_of_user_namespace(made->get());
    ASSERT_TRUE(read) << read.error().text();
    EXPECT_EQ(read->uids, maps.uids);
    EXPECT_EQ(read->gids, maps.gids);
    // By its path it is the same.
    auto again = open_user_namespace("/proc/self/fd/" + std::to_string(made->get()));
    ASSERT_TRUE(again) << again.error().text();
    EXPECT_EQ(maps_of_user_namespace(again->get())->uids, maps.uids);
}

TEST(UserNamespace, WhatIsNoneAndTheOwnAreRefused) {
    auto own = open_user_namespace("/proc/self/ns/user");
    ASSERT_FALSE(own);
    EXPECT_EQ(own.error().code(), Code::invalid_argument);
    EXPECT_THAT(own.error().text(), HasSubstr("crank itself runs in"));
    for (const char* path : {"/proc/self/ns/net", "/dev/null", "/"}) {
        auto opened = open_user_namespace(path);
        ASSERT_FALSE(opened) << path;
        EXPECT_THAT(opened.error().text(), HasSubstr("is not a user namespace"));
    }
    EXPECT_EQ(open_user_namespace("/no/such").error().code(), Code::not_found);
}

TEST(UserNamespace, BadMapsAreErrors) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, to map ids that are not its own";
    EXPECT_FALSE(create_user_namespace({{{0, 1, 0}}, {{0, 1, 1}}}));
    EXPECT_FALSE(create_user_namespace({{{0, 1, 5}, {4, 9, 1}}, {{0, 1, 1}}}));
}

TEST(UserNamespace, OfAProcess) {
    auto other = is_in_other_namespace(::getpid(), "user");
    ASSERT_TRUE(other);
    EXPECT_FALSE(*other);
    auto maps = maps_of_process(::getpid());
    ASSERT_TRUE(maps);
    EXPECT_FALSE(maps->uids.empty());
}

}  // namespace
}  // namespace crank::sys
