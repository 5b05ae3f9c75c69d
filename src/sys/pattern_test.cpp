#include "sys/pattern.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::sys {
namespace {

TEST(Pattern, matches_anywhere_unless_it_is_anchored) {
    auto pattern = Pattern::create("b+");
    ASSERT_TRUE(pattern) << pattern.error().text();
    EXPECT_TRUE(pattern->matches("abba"));
    EXPECT_FALSE(pattern->matches("aca"));
    auto anchored = Pattern::create("^mail-(a|b)$");
    ASSERT_TRUE(anchored);
    EXPECT_TRUE(anchored->matches("mail-b"));
    EXPECT_FALSE(anchored->matches("mail-bb"));
}

TEST(Pattern, says_what_is_wrong_with_a_text) {
    auto pattern = Pattern::create("a(");
    ASSERT_FALSE(pattern);
    EXPECT_EQ(pattern.error().code(), Code::usage);
    EXPECT_THAT(pattern.error().text(), testing::HasSubstr("\"a(\" is no regular expression: "));
}

}  // namespace
}  // namespace crank::sys
