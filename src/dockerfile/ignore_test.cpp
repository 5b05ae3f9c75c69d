#include "dockerfile/ignore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::dockerfile {
namespace {

using testing::HasSubstr;

IgnoreMatcher matcher(std::string_view text) {
    return IgnoreMatcher::parse(text, ".dockerignore").value();
}

struct Case {
    std::string_view patterns;
    std::string_view path;
    bool excluded;
};

TEST(Ignore, MatchesAsDockerDoes) {
    constexpr Case kCases[] = {
        {"", "a", false},
        {"a", "a", true},
        {"a", "b/a", false},
        {"a", "a/b/c", true},
        {"/a/", "a", true},
        {"./a//b/../c", "a/c", true},
        {"*", "a/b", true},
        {"*.pyc", "x.pyc", true},
        {"*.pyc", "d/x.pyc", false},
        {"*/*.pyc", "d/x.pyc", true},
        {"*/temp*", "d/temporary/x", true},
        {"temp?", "tempa", true},
        {"temp?", "temp", false},
        {"?", "é", true},
        {"a?b", "a/b", false},
        {"**", "a/b", true},
        {"**/*.go", "x.go", true},
        {"**/*.go", "a/b/x.go", true},
        {"**/a", "xa", false},
        {"**/a/b", "x/a/b/c", true},
        {"a/**", "a", false},
        {"a/**", "a/b/c", true},
        {"a/**/z", "a/z", true},
        {"a/**/z", "a/b/c/z", true},
        {"a/**/z", "a/bz", false},
        {"a**", "abc/d", true},
        {"a**/*.txt", "a/b/c.txt", true},
        {"**/node_modules", "a/node_modules/x", true},
        {"**/.git*", "a/.gitignore", true},
        {"[a-c]x", "bx", true},
        {"[^a-c]x", "bx", false},
        {"[^a-c]x", "dx", true},
        {"[\\]-_]", "^", true},
        {"a\\*b", "a*b", true},
        {"a\\*b", "axb", false},
        {"a.b", "axb", false},
        {"(a|b)+$", "(a|b)+$", true},
        {"docs\n!docs/README.md", "docs/README.md", false},
        {"docs\n!docs/README.md", "docs/x", true},
        {"!x\nx", "x", true},
        {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
        {"*.md\n!README*.md\nREADME-secret.md", "README-x.md", false},
        {"**\n!src", "src/a/b", false},
        {"**\n!src\nsrc/a", "src/a/b", true},
        {"a\n! b", "b", false},
        {"# comment\n#x\n #y", "#y", true},
        {"#x", "#x", false},
        {"  a  \r\n\r\n\xC2\xA0", "a", true},
        {"\xEF\xBB\xBF"
         "a",
         "a", true},
        {".", "a", false},
        {"..", "a", false},
        {"*", ".", false},
        {"*", "", false},
        {"a", "a/", true},
    };
    for (const Case& c : kCases)
        EXPECT_EQ(matcher(c.patterns).excluded(c.path), c.excluded)
            << c.patterns << " : " << c.path;
}

TEST(Ignore, PrunesOnlyWhatHoldsNothing) {
    EXPECT_TRUE(matcher("a").prune("a"));
    EXPECT_TRUE(matcher("a").prune("a/b"));
    EXPECT_FALSE(matcher("a").prune("b"));
    EXPECT_FALSE(matcher("a\n!a/b/c").prune("a"));
    EXPECT_FALSE(matcher("a\n!a/b/c").prune("a/b"));
    EXPECT_TRUE(matcher("a\n!a/b/c").prune("a/x"));
    EXPECT_FALSE(matcher("**\n!**/keep").prune("x"));
    EXPECT_FALSE(matcher("*\n!src/*.py").prune("src"));
    EXPECT_TRUE(matcher("*\n!src/*.py").prune("docs"));
    EXPECT_TRUE(matcher("*\n!s?c/x").prune("docs"));
    EXPECT_FALSE(matcher("*\n!s?c/x").prune("sbc"));
    EXPECT_FALSE(matcher("*\n!src/**").prune("src"));
}

TEST(Ignore, RefusesMalformedPatterns) {
    constexpr Case kCases[] = {
        {"a\n!", "names nothing", false}, {"a[", "without its ']'", false},
        {"[]", "malformed", false},       {"[-a]", "malformed", false},
        {"[a-]", "malformed", false},     {"[z-a]", "backwards", false},
        {"a\\", "ends in '\\'", false},
    };
    for (const Case& c : kCases) {
        auto parsed = IgnoreMatcher::parse(c.patterns, ".dockerignore");
        ASSERT_FALSE(parsed.has_value()) << c.patterns;
        EXPECT_EQ(parsed.error().code(), Code::invalid_argument);
        EXPECT_THAT(parsed.error().text(), HasSubstr(c.path));
        EXPECT_THAT(parsed.error().text(), HasSubstr(".dockerignore:"));
    }
    EXPECT_FALSE(IgnoreMatcher::parse(std::string(kMaxIgnoreBytes + 1, 'a'), "x"));
    std::string many;
    for (std::size_t i = 0; i <= kMaxIgnorePatterns; ++i) many += "a\n";
    EXPECT_THAT(IgnoreMatcher::parse(many, "x").error().text(), HasSubstr("10000 patterns"));
}

TEST(Ignore, TakesPatternsOfFlags) {
    std::vector<std::string> patterns = {"*.pyc", "!keep.pyc"};
    auto matcher = IgnoreMatcher::of_patterns(patterns).value();
    EXPECT_TRUE(matcher.excluded("a.pyc"));
    EXPECT_FALSE(matcher.excluded("keep.pyc"));
    EXPECT_TRUE(matcher.has_exceptions());
    EXPECT_TRUE(IgnoreMatcher().empty());
    patterns = {"["};
    EXPECT_THAT(IgnoreMatcher::of_patterns(patterns).error().text(), HasSubstr("pattern \"[\""));
}

}  // namespace
}  // namespace crank::dockerfile
