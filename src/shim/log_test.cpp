#include "shim/log.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "shim/live.h"

namespace crank::shim {
namespace {

class LogTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/crank-log-test-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        dir_ = name;
        path_ = dir_ + "/log";
    }
    void TearDown() override { EXPECT_EQ(::system(("rm -r " + dir_).c_str()), 0); }

    // The entries without their times.
    static std::vector<std::string> entries(const std::string& path) {
        std::vector<std::string> out;
        std::ifstream file(path);
        for (std::string line; std::getline(file, line);) {
            EXPECT_EQ(line[10], 'T');
            EXPECT_EQ(line[29], 'Z');
            out.push_back(line.substr(31));
        }
        return out;
    }

    std::string dir_, path_;
};

TEST_F(LogTest, LinesAreTaggedWithTheirStream) {
    auto log = std::make_unique<Log>();
    ASSERT_EQ(log->open(path_.c_str(), 1 << 20, 2), 0);
    log->write(1, "a\nb\n", 4);
    log->write(2, "c\n", 2);
    EXPECT_EQ(entries(path_), (std::vector<std::string>{"stdout F a", "stdout F b", "stderr F c"}));
}

TEST_F(LogTest, ALineThatComesInPiecesIsOneEntry) {
    auto log = std::make_unique<Log>();
    ASSERT_EQ(log->open(path_.c_str(), 1 << 20, 2), 0);
    log->write(1, "one ", 4);
    log->write(2, "other\n", 6);
    log->write(1, "line\nrest", 9);
    log->flush();
    EXPECT_EQ(entries(path_),
              (std::vector<std::string>{"stderr F other", "stdout F one line", "stdout P rest"}));
}

TEST_F(LogTest, WhereSomebodyWatchesALineIsNotWaitedFor) {
    auto log = std::make_unique<Log>();
    uint32_t orders = 0;
    ASSERT_EQ(log->open(path_.c_str(), 1 << 20, 2), 0);
    log->obey(&orders);
    log->write(1, "name? ", 6);
    EXPECT_TRUE(entries(path_).empty());
    orders = kOrderLive;
    log->write(1, "sure? ", 6);
    log->write(1, "yes\n", 4);
    EXPECT_EQ(entries(path_), (std::vector<std::string>{"stdout P name? sure? ", "stdout F yes"}));
}

TEST_F(LogTest, ALongLineIsSplitAndLosesNothing) {
    auto log = std::make_unique<Log>();
    ASSERT_EQ(log->open(path_.c_str(), 1 << 20, 2), 0);
    std::string line(Log::kMaxLine * 2 + 10, 'x');
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = static_cast<char>('a' + i % 26);
    std::string with_newline = line + "\n";
    log->write(1, with_newline.data(), with_newline.size());
    std::string joined;
    auto lines = entries(path_);
    ASSERT_EQ(lines.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(lines[i].substr(0, 9), i < 2 ? "stdout P " : "stdout F ");
        joined += lines[i].substr(9);
    }
    EXPECT_EQ(joined, line);
}

TEST_F(LogTest, RotationBoundsTheFiles) {
    auto log = std::make_unique<Log>();
    constexpr std::uint64_t kMax = 1000;
    ASSERT_EQ(log->open(path_.c_str(), kMax, 3), 0);
    for (int i = 0; i < 200; ++i) log->write(1, "0123456789\n", 11);
    for (const char* suffix : {"", ".1", ".2"}) {
        struct stat info{};
        ASSERT_EQ(::stat((path_ + suffix).c_str(), &info), 0) << suffix;
        EXPECT_LE(static_cast<std::uint64_t>(info.st_size), kMax) << suffix;
    }
    struct stat info{};
    EXPECT_NE(::stat((path_ + ".3").c_str(), &info), 0);
}

}  // namespace
}  // namespace crank::shim
