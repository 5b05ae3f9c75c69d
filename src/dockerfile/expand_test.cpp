#include "dockerfile/expand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/pattern.h"

namespace crank::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Environment sample() {
    Environment env;
    env.set("HOME", "/root");
    env.set("EMPTY", "");
    env.set("FILE", "archive.tar.gz");
    env.set("LIST", " a  b ");
    env.set("STAR", "a*b");
    env.set("PATHS", "/a/b/a/b");
    env.set("NAME_2", "two");
    env.set("이름", "값");
    return env;
}

struct Case {
    std::string_view text;
    std::string_view expected;
};

TEST(Expand, GivesValues) {
    constexpr Case kCases[] = {
        {"plain", "plain"},
        {"$HOME/x", "/root/x"},
        {"${HOME}x", "/rootx"},
        {"$HOMEx", ""},
        {"$NAME_2-", "two-"},
        {"a$UNSET.b", "a.b"},
        {"$", "$"},
        {"a$ b", "a$ b"},
        {"$1x$@y$$z", "xyz"},
        {"cost: 5$.", "cost: 5$."},
        {"$이름!", "값!"},
        {"$HOME—", "/root—"},
    };
    for (const Case& c : kCases) EXPECT_EQ(expand_word(c.text, sample()).value(), c.expected);
}

TEST(Expand, QuotesAndEscapes) {
    constexpr Case kCases[] = {
        {"'$HOME \"x\"'", "$HOME \"x\""},
        {"\"$HOME 'x'\"", "/root 'x'"},
        {"\\$HOME", "$HOME"},
        {"\"\\$HOME \\n \\\" \\\\\"", "$HOME \\n \" \\"},
        {"a\\ b", "a b"},
        {"a\\", "a"},
        {"''\"\"", ""},
        {"'\\'", "\\"},
    };
    for (const Case& c : kCases) EXPECT_EQ(expand_word(c.text, sample()).value(), c.expected);
    EXPECT_EQ(expand_word("C:\\dir`$HOME", sample(), {.escape = '`'}).value(), "C:\\dir$HOME");
}

TEST(Expand, Defaults) {
    constexpr Case kCases[] = {
        {"${HOME:-x}", "/root"},
        {"${EMPTY:-x}", "x"},
        {"${EMPTY-x}", ""},
        {"${UNSET-x}", "x"},
        {"${UNSET:-$HOME/y}", "/root/y"},
        {"${UNSET:-${ALSO:-deep}}", "deep"},
        {"${UNSET:-'a }'}", "a }"},
        {"${HOME:+set}", "set"},
        {"${EMPTY:+set}", ""},
        {"${EMPTY+set}", "set"},
        {"${UNSET+set}", ""},
        {"${HOME:?needed}", "/root"},
        {"${EMPTY?needed}", ""},
    };
    for (const Case& c : kCases) EXPECT_EQ(expand_word(c.text, sample()).value(), c.expected);
}

TEST(Expand, Patterns) {
    constexpr Case kCases[] = {
        {"${FILE#*.}", "tar.gz"},
        {"${FILE##*.}", "gz"},
        {"${FILE%.*}", "archive.tar"},
        {"${FILE%%.*}", "archive"},
        {"${FILE#nothing}", "archive.tar.gz"},
        {"${FILE#a?c}", "hive.tar.gz"},
        {"${FILE%}", "archive.tar.gz"},
        {"${STAR#a\\*}", "b"},
        {"${PATHS/a/X}", "/X/b/a/b"},
        {"${PATHS//a/X}", "/X/b/X/b"},
        {"${PATHS//\\//.}", ".a.b.a.b"},
        {"${PATHS/a*b/X}", "/X"},
        {"${PATHS//b/}", "/a//a/"},
        {"${UNSET#x}", ""},
        {"${UNSET/x/y}", ""},
    };
    for (const Case& c : kCases) EXPECT_EQ(expand_word(c.text, sample()).value(), c.expected);
}

TEST(Expand, SplitsWords) {
    EXPECT_THAT(expand_words("a  b", sample()).value(), ElementsAre("a", "b"));
    EXPECT_THAT(expand_words("$LIST", sample()).value(), ElementsAre("a", "b"));
    EXPECT_THAT(expand_words("x$LIST'y z'", sample()).value(), ElementsAre("x", "a", "b", "y z"));
    EXPECT_THAT(expand_words("\"$LIST\"", sample()).value(), ElementsAre(" a  b "));
    EXPECT_THAT(expand_words("a\\ b", sample()).value(), ElementsAre("a b"));
    // The text before a variable with a default belongs to the same word.
    EXPECT_THAT(expand_words("80${UNSET:-81}", sample()).value(), ElementsAre("8081"));
    EXPECT_THAT(expand_words(" $EMPTY ", sample()).value(), ElementsAre());
}

TEST(Expand, KeepsWhatIsAsked) {
    ExpandOptions all{.keep_quotes = true, .keep_escapes = true, .keep_unset = true};
    EXPECT_EQ(expand_word("'a' \"b\" \\c $UNSET ${UNSET:-d}", {}, all).value(),
              "'a' \"b\" \\c $UNSET ${UNSET:-d}");
    EXPECT_EQ(expand_word("it's \"$HOME\"", sample(), {.plain_quotes = true}).value(),
              "it's \"/root\"");
}

TEST(Expand, NamesUnsetVariables) {
    Expander expander;
    auto expanded = expander.expand("$A ${B} ${C:-x} ${D+x} ${E%x} $A $HOME", sample());
    EXPECT_THAT(expanded->unset, ElementsAre("A", "B", "E"));
}

TEST(Expand, RefusesBadSyntax) {
    constexpr Case kCases[] = {
        {"'open", "single quote"},
        {"\"open", "double quote"},
        {"${HOME", "missing '}'"},
        {"${", "missing '}'"},
        {"${}", "bad substitution"},
        {"${:-x}", "bad substitution"},
        {"${HOME:=x}", "unsupported substitution"},
        {"${HOME!}", "unsupported substitution"},
        {"${HOME:#x}", "unsupported substitution"},
        {"${UNSET:-x", "missing '}'"},
        {"${HOME/a}", "missing '/'"},
        {"${HOME#\\x}", "invalid escape"},
        {"${UNSET:?say which}", "UNSET: say which"},
        {"${EMPTY:?}", "EMPTY: must not be empty"},
        {"${UNSET?}", "UNSET: must be set"},
    };
    for (const Case& c : kCases) {
        auto expanded = expand_word(c.text, sample());
        ASSERT_FALSE(expanded.has_value()) << c.text;
        EXPECT_EQ(expanded.error().code(), Code::invalid_argument);
        EXPECT_THAT(expanded.error().text(), HasSubstr(c.expected));
    }
}

TEST(Expand, IsBounded) {
    std::string deep;
    for (int i = 0; i <= Expander::kMaxDepth; ++i) deep += "${A:-";
    EXPECT_THAT(expand_word(deep, {}).error().text(), HasSubstr("too deeply"));

    Environment env;
    env.set("BIG", std::string(100'000, 'a'));
    std::string many;
    for (int i = 0; i < 100; ++i) many += "$BIG";
    EXPECT_EQ(expand_word(many, env).error().code(), Code::exhausted);

    std::string stars;
    for (int i = 0; i < 10'000; ++i) stars += "*a";
    EXPECT_EQ(expand_word("${BIG#" + stars + "b}", env).error().code(), Code::exhausted);
    EXPECT_EQ(expand_word("${BIG//a*b/x}", env).value().size(), 100'000U);
}

TEST(ShellPattern, FindsShortestAndLongest) {
    auto pattern = ShellPattern::compile("*a").value();
    EXPECT_EQ(pattern.prefix("xaya", ShellPattern::Length::shortest), 2U);
    EXPECT_EQ(pattern.prefix("xaya", ShellPattern::Length::longest), 4U);
    EXPECT_EQ(pattern.suffix("xaya", ShellPattern::Length::shortest), 1U);
    EXPECT_EQ(pattern.suffix("xay", ShellPattern::Length::longest), std::nullopt);
    // Characters, not bytes.
    EXPECT_EQ(ShellPattern::compile("?").value().prefix("éa", ShellPattern::Length::shortest), 2U);
    // A line feed ends what `*` takes.
    EXPECT_EQ(ShellPattern::compile("*").value().prefix("a\nb", ShellPattern::Length::longest), 1U);
}

}  // namespace
}  // namespace crank::dockerfile
