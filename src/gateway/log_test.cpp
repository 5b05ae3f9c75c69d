#include "gateway/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace crank::gateway {
namespace {

class LogTest : public testing::Test {
protected:
    std::int64_t now_ = 5000;
    std::vector<std::string> lines_;
    Log log_{[this] { return now_; }, [this](const std::string& line) { lines_.push_back(line); }};
    void write(int count) {
        for (int i = 0; i < count; ++i) log_.line("x");
    }
};

TEST_F(LogTest, LeavesOutWhatComesTooFastAndSaysHowMuch) {
    write(150);
    EXPECT_EQ(lines_, std::vector<std::string>(100, "x"));
    now_ += 49;
    write(1);
    EXPECT_EQ(lines_.size(), 100U);
    now_ += 1;
    write(2);
    ASSERT_EQ(lines_.size(), 102U);
    EXPECT_EQ(lines_[100], "51 lines were left out");
    EXPECT_EQ(lines_[101], "x");
    log_.end();
    EXPECT_EQ(lines_.back(), "1 lines were left out");
    log_.end();
    EXPECT_EQ(lines_.size(), 103U);
}

TEST_F(LogTest, SavesUpNotMoreThanABurst) {
    now_ += 3'600'000;
    write(150);
    EXPECT_EQ(lines_.size(), 100U);
    now_ += 1000;
    lines_.clear();
    write(30);
    EXPECT_EQ(lines_.size(), 21U);
}

TEST_F(LogTest, EndsAtItsLimitWithALineThatSaysSo) {
    const std::string text(10'000, 'x');
    std::size_t bytes = 0;
    for (int i = 0; i < 3000; ++i) {
        now_ += 50;
        log_.line(text);
    }
    for (const std::string& line : lines_) bytes += line.size() + 64;
    EXPECT_LE(bytes, Log::kMost);
    EXPECT_GT(bytes, Log::kMost - 10'000 - 64 * lines_.size());
    EXPECT_EQ(lines_.front(), text.substr(0, Log::kLongest) + " ...");
    EXPECT_EQ(lines_.back(), "4 MiB are written: nothing more is logged until it is started again");
    const std::size_t count = lines_.size();
    now_ += 60'000;
    write(1);
    log_.end();
    EXPECT_EQ(lines_.size(), count);
}

}  // namespace
}  // namespace crank::gateway
