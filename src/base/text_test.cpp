#include "base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace crank {
namespace {

TEST(Text, SplitAndJoin) {
    auto parts = split("a::b", ':');
    EXPECT_EQ(parts, (std::vector<std::string>{"a", "", "b"}));
    EXPECT_EQ(join(parts, "-"), "a--b");
    EXPECT_EQ(trim(" \t x y \n"), "x y");
}

TEST(Text, ParseIntTakesTheWholeText) {
    EXPECT_EQ(parse_int("42"), 42);
    EXPECT_EQ(parse_int("-7"), -7);
    EXPECT_EQ(parse_int("4x"), std::nullopt);
    EXPECT_EQ(parse_int(""), std::nullopt);
}

TEST(Text, Hex) {
    std::array<std::uint8_t, 2> bytes{0x0f, 0xa0};
    EXPECT_EQ(to_hex(bytes), "0fa0");
    EXPECT_EQ(from_hex("0fa0")->at(1), 0xa0);
    EXPECT_FALSE(from_hex("0F").has_value());
    EXPECT_FALSE(from_hex("abc").has_value());
}

TEST(Text, DidYouMean) {
    std::array<std::string_view, 4> words{"run", "build", "images", "inspect"};
    EXPECT_EQ(did_you_mean("biuld", words), "build");
    EXPECT_EQ(did_you_mean("RNU", words), "run");
    EXPECT_EQ(did_you_mean("xyzzy", words), std::nullopt);
}

TEST(Text, ShellQuote) {
    EXPECT_EQ(shell_quote("a-b/c"), "a-b/c");
    EXPECT_EQ(shell_quote("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quote(""), "''");
}

// What a swap, an insertion, a deletion and another letter cost, seen in which of two is nearer.
TEST(Text, DidYouMeanCountsEachKindOfMistakeOnce) {
    auto nearest = [](std::string_view word, std::vector<std::string_view> candidates) {
        return did_you_mean(word, candidates);
    };
    EXPECT_EQ(nearest("namespaces", {"nampsaecse", "nmaepsaces", "namespcaes"}), "namespcaes");
    EXPECT_EQ(nearest("abcdefghi", {"abcdefxyz", "abcdefghixx", "bcdefghi"}), "bcdefghi");
    EXPECT_EQ(nearest("abcdefghi", {"abcdefxxx", "abcdefgxx"}), "abcdefgxx");
    EXPECT_EQ(nearest("abcdefghi", {"xxxxefghi", "xxcdefghi", "xbcdefghi"}), "xbcdefghi");
    // Three changes are a third of nine letters, four are more.
    EXPECT_EQ(nearest("abcdefghi", {"abcdefxyz"}), "abcdefxyz");
    EXPECT_EQ(nearest("abcdefghi", {"abcdewxyz"}), std::nullopt);
    EXPECT_EQ(nearest("abcdefghi", {"abcdef"}), "abcdef");
    EXPECT_EQ(nearest("abcdefghi", {"abcde"}), std::nullopt);
    EXPECT_EQ(nearest("", {"abc"}), std::nullopt);
}

TEST(Text, DidYouMeanPassesOverLongCandidates) {
    std::string huge(1 << 20, 'x');
    std::array<std::string_view, 2> candidates = {huge, "copy"};
    EXPECT_EQ(did_you_mean("coyp", candidates), "copy");
}

}  // namespace
}  // namespace crank
