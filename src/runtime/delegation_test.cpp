#include "runtime/delegation.h"

#include <gtest/gtest.h>

namespace crank::runtime {
namespace {

TEST(Delegation, TheOwnGroupIsThatOfTheUnifiedHierarchy) {
    EXPECT_EQ(v2_path_of("0::/user.slice/user-1000.slice/session-1.scope\n"),
              "/user.slice/user-1000.slice/session-1.scope");
    EXPECT_EQ(v2_path_of("12:memory:/x\n1:name=systemd:/y\n0::/z\n"), "/z");
    EXPECT_EQ(v2_path_of("0::/\n"), "");
    EXPECT_EQ(v2_path_of("12:memory:/x\n"), "");
    EXPECT_EQ(v2_path_of(""), "");
}

TEST(Delegation, TheUsersManagerIsAUnitAboveTheProcess) {
    const char* manager = "/user.slice/user-1000.slice/user@1000.service";
    EXPECT_EQ(users_manager_of(std::string(manager) + "/app.slice/x.scope"), manager);
    EXPECT_EQ(users_manager_of(manager), manager);
    EXPECT_EQ(users_manager_of("/user.slice/user-1000.slice/session-1.scope"), std::nullopt);
    EXPECT_EQ(users_manager_of("/user@1000.slice/x"), std::nullopt);
    EXPECT_EQ(users_manager_of(""), std::nullopt);
}

}  // namespace
}  // namespace crank::runtime
