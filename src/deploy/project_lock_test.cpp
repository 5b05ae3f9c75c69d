#include "deploy/project_lock.h"

#include <gtest/gtest.h>

#include "deploy/records.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

class DeployProjectLock : public testing::Test {
protected:
    void SetUp() override {
        paths_.root = testing::TempDir() + "/lock-" + std::to_string(sys::wall_clock_ns());
    }
    void TearDown() override { (void)sys::remove_tree(paths_.root); }

    void keep() {
        ASSERT_TRUE(Records(paths_, "shop").lock());
        Result<> kept = keep_project_lock(paths_, "shop", lock_);
        ASSERT_TRUE(kept) << kept.error().text();
    }

    engine::Paths paths_;
    ProjectLock lock_{.at_ns = 5,
                      .who = {.name = "root", .uid = 0, .sudo_user = "ann"},
                      .message = "the \"database\" moves"};
};

TEST_F(DeployProjectLock, WhatIsKeptIsFoundUntilItIsRemoved) {
    EXPECT_EQ(*find_project_lock(paths_, "shop"), std::nullopt);
    EXPECT_FALSE(*remove_project_lock(paths_, "shop"));
    keep();
    EXPECT_EQ(**find_project_lock(paths_, "shop"), lock_);
    Result<> again = keep_project_lock(paths_, "shop", lock_);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Code::already_exists);
    EXPECT_TRUE(*remove_project_lock(paths_, "shop"));
    EXPECT_EQ(*find_project_lock(paths_, "shop"), std::nullopt);
}

TEST_F(DeployProjectLock, WhatCannotBeReadIsAnErrorAndCanBeRemoved) {
    keep();
    std::string file = paths_.root + "/projects/shop/locked";
    ASSERT_TRUE(sys::write_file_atomic(file, "{", 0600, sys::Sync::no));
    auto found = find_project_lock(paths_, "shop");
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code(), Code::corrupt);
    EXPECT_TRUE(found.error().text().contains(file)) << found.error().text();
    EXPECT_TRUE(*remove_project_lock(paths_, "shop"));
}

TEST_F(DeployProjectLock, ItStaysWhereTheRestOfTheProjectIsForgotten) {
    keep();
    Records records(paths_, "shop");
    ASSERT_TRUE(records.note_down());
    records.forget();
    EXPECT_FALSE(records.is_down());
    EXPECT_EQ(**find_project_lock(paths_, "shop"), lock_);
    ASSERT_TRUE(*remove_project_lock(paths_, "shop"));
    records.forget();
    EXPECT_FALSE(sys::exists(paths_.root + "/projects/shop"));
}

TEST_F(DeployProjectLock, ANameThatIsNoProjectsIsAnError) {
    EXPECT_FALSE(find_project_lock(paths_, "../shop"));
    EXPECT_FALSE(keep_project_lock(paths_, "", lock_));
    EXPECT_FALSE(remove_project_lock(paths_, "a/b"));
}

}  // namespace
}  // namespace crank::deploy
