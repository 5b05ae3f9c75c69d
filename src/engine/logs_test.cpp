#include "engine/logs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace crank::engine {
namespace {

namespace fs = std::filesystem;

TEST(Logs, Lines) {
    auto line = parse_log_line("2026-01-02T03:04:05.000000006Z stderr P some text ");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->time, "2026-01-02T03:04:05.000000006Z");
    EXPECT_EQ(line->stream, Stream::err);
    EXPECT_FALSE(line->full);
    EXPECT_EQ(line->text, "some text ");
    EXPECT_EQ(parse_log_line("2026-01-02T03:04:05.000000006Z stdout F ")->text, "");
    for (std::string_view bad :
         {"", "x", "2026-01-02T03:04:05.000000006Z", "2026-01-02T03:04:05.000000006Z stdout",
          "2026-01-02T03:04:05.000000006Z stdin F x", "2026-01-02T03:04:05.000000006Z stdout X x"})
        EXPECT_FALSE(parse_log_line(bad)) << bad;
}

TEST(Logs, Times) {
    std::int64_t now = 1'767'323'045'000'000'000;  // 2026-01-02T03:04:05Z
    EXPECT_EQ(parse_log_time("10m", now).value(), "2026-01-02T02:54:05.000000000Z");
    EXPECT_EQ(parse_log_time("1767323045", now).value(), "2026-01-02T03:04:05.000000000Z");
    EXPECT_EQ(parse_log_time("2026-01-02", now).value(), "2026-01-02T00:00:00.000000000Z");
    EXPECT_EQ(parse_log_time("2026-01-02T03:04:05Z", now).value(),
              "2026-01-02T03:04:05.000000000Z");
    EXPECT_EQ(parse_log_time("2026-01-02T03:04:05.5Z", now).value(), "2026-01-02T03:04:05.5Z");
    EXPECT_EQ(parse_log_time("yesterday", now).error().text(), "invalid time \"yesterday\"");
}

class LogFiles : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = fs::temp_directory_path() / "crank-logs.XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        paths_.root = base_ / "root";
        paths_.state = base_ / "state";
        container_.record.id = std::string(64, 'a');
        container_.state.status = Status::exited;
        fs::create_directories(paths_.container(container_.record.id));
    }
    void TearDown() override { fs::remove_all(base_); }

    void write(const std::string& suffix, int first, int count) {
        std::ofstream file(log_path(paths_, container_.record.id) + suffix);
        for (int i = first; i < first + count; ++i)
            file << "2026-01-02T03:04:0" << i << ".000000000Z stdout F line " << i << "\n";
    }
    std::string read(const LogQuery& query) {
        std::string text;
        auto done = read_logs(paths_, container_, query, [&](const LogLine& line) -> Result<> {
            text += std::string(line.text) + (line.full ? ";" : "");
            return {};
        });
        return done ? text : "error: " + done.error().text();
    }

    fs::path base_;
    Paths paths_;
    Container container_;
};

TEST_F(LogFiles, RotatedFilesComeOldestFirst) {
    write(".2", 1, 2);
    write(".1", 3, 2);
    write("", 5, 2);
    EXPECT_EQ(read({}), "line 1;line 2;line 3;line 4;line 5;line 6;");
    EXPECT_EQ(read({.tail = 3}), "line 4;line 5;line 6;");
    EXPECT_EQ(read({.tail = 0}), "");
    EXPECT_EQ(read({.tail = 100}), "line 1;line 2;line 3;line 4;line 5;line 6;");
}

TEST_F(LogFiles, SinceAndUntil) {
    write("", 1, 5);
    EXPECT_EQ(read({.since = "2026-01-02T03:04:03.000000000Z",
                    .until = "2026-01-02T03:04:04.000000000Z"}),
              "line 3;line 4;");
}

TEST_F(LogFiles, APartialLineBelongsToTheNext) {
    std::ofstream(log_path(paths_, container_.record.id))
        << "2026-01-02T03:04:01.000000000Z stdout F one\n"
        << "2026-01-02T03:04:02.000000000Z stdout P tw\n"
        << "2026-01-02T03:04:02.000000000Z stdout F o\n"
        << "garbage\n"
        << "2026-01-02T03:04:03.000000000Z stdout F cut sho";
    EXPECT_EQ(read({}), "one;two;");
    EXPECT_EQ(read({.tail = 1}), "two;");
}

TEST_F(LogFiles, NoLogIsEmpty) { EXPECT_EQ(read({}), ""); }

}  // namespace
}  // namespace crank::engine
