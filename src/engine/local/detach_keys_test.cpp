#include "engine/local/detach_keys.h"

#include <gtest/gtest.h>

namespace crank::engine::local {
namespace {

TEST(DetachKeys, LeaveInOneReadOrInSeveral) {
    auto keys = *DetachKeys::parse("ctrl-p,ctrl-q");
    EXPECT_EQ(keys.pass("ab\x10"), "ab");
    EXPECT_FALSE(keys.detached());
    EXPECT_EQ(keys.pass("\x11 not the worker's"), "");
    EXPECT_TRUE(keys.detached());
}

TEST(DetachKeys, WhatOnlyBeganLikeThemIsTheWorkers) {
    auto keys = *DetachKeys::parse("ctrl-p,ctrl-q");
    EXPECT_EQ(keys.pass("\x10x"), "\x10x");
    EXPECT_EQ(keys.pass("\x10\x10"), "\x10");
    EXPECT_EQ(keys.pass("\x11"), "");
    EXPECT_TRUE(keys.detached());
}

TEST(DetachKeys, NoneAreNone) {
    auto keys = *DetachKeys::parse("");
    EXPECT_EQ(keys.pass("\x10\x11"), "\x10\x11");
    EXPECT_FALSE(keys.detached());
}

TEST(DetachKeys, WhatIsNoKeyIsNamed) {
    for (const char* text : {"ctrl-", "ctrl-pp", "alt-p", "a,,b", "ctrl-1"}) {
        auto keys = DetachKeys::parse(text);
        ASSERT_FALSE(keys) << text;
        EXPECT_EQ(keys.error().code(), Code::invalid_argument);
        EXPECT_NE(keys.error().text().find("--detach-keys: no key"), std::string::npos);
    }
}

}  // namespace
}  // namespace crank::engine::local
