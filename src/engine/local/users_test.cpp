#include "engine/local/users.h"

#include <gtest/gtest.h>

namespace crank::engine::local {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "broken line\n"
    "toomuch:x:99999999999:0::/x:/bin/sh\n"
    "worker:x:1000:1000::/home/worker:/bin/sh\n"
    "1234:x:77:78::/numeric:/bin/sh\n"
    "odd:x:1001:1001::relative:/bin/sh";
constexpr std::string_view kGroup =
    "root:x:0:\nworker:x:1000:\nvideo:x:44:worker,odd\naudio:x:29:worker\nbad:x:y:worker\n";

ResolvedUser resolve(std::string_view user) {
    auto resolved = resolve_user(user, kPasswd, kGroup);
    EXPECT_TRUE(resolved) << resolved.error().text();
    return resolved.value_or(ResolvedUser{.uid = 4242});
}

TEST(Users, NothingIsRootWithItsHome) {
    ResolvedUser user = resolve("");
    EXPECT_EQ(user.uid, 0u);
    EXPECT_EQ(user.home, "/root");
}

TEST(Users, NameWithItsGroups) {
    ResolvedUser user = resolve("worker");
    EXPECT_EQ(user.uid, 1000u);
    EXPECT_EQ(user.gid, 1000u);
    EXPECT_EQ(user.home, "/home/worker");
    EXPECT_EQ(user.additional_gids, (std::vector<std::uint32_t>{29, 44}));
}

TEST(Users, NumberWithAndWithoutAnEntry) {
    ResolvedUser known = resolve("1000");
    EXPECT_EQ(known.gid, 1000u);
    EXPECT_EQ(known.home, "/home/worker");
    ResolvedUser unknown = resolve("4000");
    EXPECT_EQ(unknown.uid, 4000u);
    EXPECT_EQ(unknown.gid, 0u);
    EXPECT_EQ(unknown.home, "/");
}

TEST(Users, ANameOfDigitsIsAName) { EXPECT_EQ(resolve("1234").uid, 77u); }

TEST(Users, AGivenGroupReplacesTheUsersGroups) {
    ResolvedUser user = resolve("worker:video");
    EXPECT_EQ(user.gid, 44u);
    EXPECT_TRUE(user.additional_gids.empty());
    EXPECT_EQ(resolve("1000:5").gid, 5u);
    EXPECT_EQ(resolve(":44").gid, 44u);
}

TEST(Users, ARelativeHomeIsNoHome) { EXPECT_EQ(resolve("odd").home, "/"); }

TEST(Users, UnknownNamesAndNumbersOutOfRangeAreErrors) {
    EXPECT_EQ(resolve_user("nobody2", kPasswd, kGroup).error().text(),
              "no user nobody2 in the image");
    EXPECT_EQ(resolve_user("worker:wheel", kPasswd, kGroup).error().text(),
              "no group wheel in the image");
    EXPECT_EQ(resolve_user("4294967295", kPasswd, kGroup).error().text(),
              "user id 4294967295 is out of range");
    EXPECT_EQ(resolve_user("0:4294967295", kPasswd, kGroup).error().text(),
              "group id 4294967295 is out of range");
    EXPECT_EQ(resolve_user("-1", kPasswd, kGroup).error().text(), "no user -1 in the image");
}

}  // namespace
}  // namespace crank::engine::local
