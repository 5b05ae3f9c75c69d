#include "gateway/routing.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace crank::gateway {
namespace {

class Choosing : public testing::Test {
protected:
    void set(std::vector<std::int64_t> weights) {
        credits_.assign(weights.size(), 0);
        candidates_.clear();
        for (std::size_t i = 0; i < weights.size(); ++i)
            candidates_.push_back({.weight = weights[i], .credit = &credits_[i]});
    }
    std::vector<std::size_t> chosen(int times) {
        std::vector<std::size_t> all;
        for (int i = 0; i < times; ++i) all.push_back(choose(candidates_).value());
        return all;
    }
    std::vector<std::int64_t> credits_;
    std::vector<Candidate> candidates_;
};

TEST_F(Choosing, EqualsTakeTurns) {
    set({1, 1, 1});
    EXPECT_EQ(chosen(6), (std::vector<std::size_t>{0, 1, 2, 0, 1, 2}));
}

TEST_F(Choosing, SharesAreByWeightAndSpread) {
    set({3, 1, 0});
    EXPECT_EQ(chosen(8), (std::vector<std::size_t>{0, 0, 1, 0, 0, 0, 1, 0}));
    std::map<std::size_t, int> counts;
    for (std::size_t one : chosen(400)) ++counts[one];
    EXPECT_EQ(counts, (std::map<std::size_t, int>{{0, 300}, {1, 100}}));
}

TEST_F(Choosing, OfEqualsTheOneWithTheFewestActive) {
    set({1, 1});
    candidates_[0].active = 3;
    EXPECT_EQ(chosen(1), (std::vector<std::size_t>{1}));
}

TEST_F(Choosing, ThosePassedOverComeLastAndThoseTriedNever) {
    set({1, 1, 1});
    candidates_[0].passed_over = true;
    EXPECT_EQ(chosen(4), (std::vector<std::size_t>{1, 2, 1, 2}));
    candidates_[1].tried = candidates_[2].tried = true;
    EXPECT_EQ(chosen(2), (std::vector<std::size_t>{0, 0}));
    candidates_[0].tried = true;
    EXPECT_FALSE(choose(candidates_));
    EXPECT_FALSE(choose({}));
}

}  // namespace
}  // namespace crank::gateway
