#include "engine/ids/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>

namespace crank::engine::ids {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class IdLease : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "ids.XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        dir_ = pattern;
        place_ = {dir_ + "/ids", dir_ + "/containers"};
        fs::create_directories(place_.containers);
    }
    void TearDown() override { fs::remove_all(dir_); }

    void make(const std::string& id) { fs::create_directory(place_.containers + "/" + id); }
    void remove(const std::string& id) { fs::remove(place_.containers + "/" + id); }
    std::size_t links() const {
        std::size_t count = 0;
        for (const auto& entry : fs::directory_iterator(place_.dir))
            count += entry.is_symlink() ? 1 : 0;
        return count;
    }
    // In a process that is killed at the point.
    void die_at(const char* point, const std::string& id) {
        pid_t pid = fork();
        if (pid == 0) {
            setenv("CRANK_CRASH_AT", point, 1);
            (void)take(place_, pool_, 2000, id);
            _exit(0);
        }
        int status = 0;
        waitpid(pid, &status, 0);
        EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << point;
    }

    std::string dir_;
    Place place_;
    Pool pool_{.uid = 100000, .gid = 200000, .unit = 1024, .blocks = 20, .source = "the test"};
};

TEST_F(IdLease, WhatIsInUseIsNeverGivenTwice) {
    std::mt19937 random(20261128);
    std::map<std::string, Lease> model;
    int number = 0, exhausted = 0;
    for (int step = 0; step < 3000; ++step) {
        if (model.empty() || random() % 5 < 3) {
            std::string id = "c" + std::to_string(number++);
            make(id);
            std::uint32_t size = 1 + random() % 3000;
            auto lease = take(place_, pool_, size, id);
            if (!lease) {
                ASSERT_EQ(lease.error().code(), Code::exhausted) << lease.error().text();
                ++exhausted;
                remove(id);
                continue;
            }
            ASSERT_LE(lease->block + lease->blocks, pool_.blocks);
            ASSERT_EQ(lease->range.size, size);
            for (const auto& [other, has] : model) {
                bool apart = lease->range.uid + size <= has.range.uid ||
                             has.range.uid + has.range.size <= lease->range.uid;
                ASSERT_TRUE(apart) << id << " and " << other << " at step " << step;
            }
            model[id] = *lease;
        } else {
            auto gone = std::next(model.begin(), static_cast<long>(random() % model.size()));
            // Half of them are killed before they give anything back.
            if (random() % 2 == 0) {
                const Lease& has = gone->second;
                ASSERT_TRUE(give_back(place_, has.block, has.blocks, gone->first));
            }
            remove(gone->first);
            model.erase(gone);
        }
    }
    EXPECT_GT(exhausted, 0);
    for (const auto& [id, lease] : model) remove(id);
    make("last");
    auto all = take(place_, pool_, 20 * 1024, "last");
    EXPECT_TRUE(all) << all.error().text();
}

TEST_F(IdLease, KilledAtAnyPointNothingStaysTaken) {
    for (const char* point : {"ids.take.linked", "ids.take.before_hint"}) {
        make("lost");
        die_at(point, "lost");
        // It is there still: its ids are its own.
        make("next");
        auto beside = take(place_, pool_, 19 * 1024, "next");
        if (std::string(point) == "ids.take.before_hint") {
            EXPECT_FALSE(beside);
        }
        if (beside) {
            EXPECT_TRUE(give_back(place_, beside->block, beside->blocks, "next"));
        }
        remove("lost");
        auto all = take(place_, pool_, 20 * 1024, "next");
        ASSERT_TRUE(all) << point << ": " << all.error().text();
        ASSERT_TRUE(give_back(place_, all->block, all->blocks, "next"));
        EXPECT_EQ(links(), 0u);
        remove("next");
    }
}

TEST_F(IdLease, GivingBackLeavesWhatIsAnothersByNow) {
    make("a");
    auto lease = take(place_, pool_, 1024, "a");
    ASSERT_TRUE(lease);
    remove("a");
    make("b");
    auto all = take(place_, pool_, 20 * 1024, "b");
    ASSERT_TRUE(all);
    ASSERT_TRUE(give_back(place_, lease->block, lease->blocks, "a"));
    EXPECT_EQ(links(), 20u);
}

TEST_F(IdLease, AnotherPoolWaitsForTheContainersOfTheOldOne) {
    make("a");
    ASSERT_TRUE(take(place_, pool_, 1024, "a"));
    Pool other = pool_;
    other.uid = 500000;
    make("b");
    auto refused = take(place_, other, 1024, "b");
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text(), HasSubstr("has some of the old ones"));
    remove("a");
    auto lease = take(place_, other, 1024, "b");
    ASSERT_TRUE(lease) << lease.error().text();
    EXPECT_GE(lease->range.uid, 500000u);
}

TEST_F(IdLease, IdsRest) {
    make("a");
    auto first = take(place_, pool_, 1024, "a");
    ASSERT_TRUE(first);
    ASSERT_TRUE(give_back(place_, first->block, first->blocks, "a"));
    auto second = take(place_, pool_, 1024, "a");
    ASSERT_TRUE(second);
    EXPECT_NE(first->block, second->block);
}

}  // namespace
}  // namespace crank::engine::ids
