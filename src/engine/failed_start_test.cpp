#include "engine/failed_start.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "sys/file.h"

namespace crank::engine {
namespace {

class FailedStartTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/crank-failed-test-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        paths_.state = name;
    }
    void TearDown() override { EXPECT_TRUE(sys::remove_tree(paths_.state)); }

    static FailedStart of(const std::string& name) {
        return {.name = name,
                .image = "busybox",
                .command = "nosuch",
                .text = "exec: \"nosuch\": executable file not found in $PATH",
                .hint = "h",
                .exit_code = 127,
                .at_ns = 5};
    }

    Paths paths_;
};

TEST_F(FailedStartTest, IsReadAsItWasWrittenUntilAStartSucceeds) {
    note_failed_start(paths_, of("mail"));
    auto again = read_failed_start(paths_, "mail");
    ASSERT_TRUE(again);
    EXPECT_EQ(*again, of("mail"));
    EXPECT_FALSE(read_failed_start(paths_, "other"));
    forget_failed_start(paths_, "mail");
    EXPECT_FALSE(read_failed_start(paths_, "mail"));
    forget_failed_start(paths_, "mail");
}

TEST_F(FailedStartTest, NamesThatAreNoNamesWriteNowhere) {
    note_failed_start(paths_, of("../mail"));
    note_failed_start(paths_, of(""));
    EXPECT_FALSE(sys::exists(paths_.state + "/failed"));
    EXPECT_FALSE(read_failed_start(paths_, "../mail"));
}

TEST_F(FailedStartTest, TheLast32AreKept) {
    for (int i = 0; i < 40; ++i) note_failed_start(paths_, of("mail" + std::to_string(i)));
    auto names = sys::list_dir(paths_.state + "/failed");
    ASSERT_TRUE(names);
    EXPECT_EQ(names->size(), 32U);
    EXPECT_TRUE(read_failed_start(paths_, "mail39"));
}

TEST_F(FailedStartTest, WhatIsBrokenIsNotRead) {
    EXPECT_EQ(parse_failed_start("{}").error().code(), Code::corrupt);
    EXPECT_EQ(parse_failed_start(R"({"version":2})").error().code(), Code::corrupt);
    FailedStart bytes = of("mail");
    bytes.command = "\xff";
    EXPECT_TRUE(parse_failed_start(serialize(bytes)));
}

}  // namespace
}  // namespace crank::engine
