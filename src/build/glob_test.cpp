#include "build/glob.h"

#include <gtest/gtest.h>

namespace crank::build {
namespace {

// From the table of Go's path/filepath match_test.go, as far as a component goes.
TEST(Glob, MatchesAsGoDoes) {
    struct Case {
        const char *pattern, *name;
        bool matches;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"abc", "abc", true},
             {"*", "abc", true},
             {"*c", "abc", true},
             {"a*", "a", true},
             {"a*", "abc", true},
             {"a*b*c*d*e*", "axbxcxdxe", true},
             {"a*b*c*d*e*", "axbxcxdxexxx", true},
             {"a*b?c*x", "abxbbxdbxebxczzx", true},
             {"a*b?c*x", "abxbbxdbxebxczzy", false},
             {"ab[c]", "abc", true},
             {"ab[b-d]", "abc", true},
             {"ab[e-g]", "abc", false},
             {"ab[^c]", "abc", false},
             {"ab[^b-d]", "abc", false},
             {"ab[^e-g]", "abc", true},
             {"a\\*b", "a*b", true},
             {"a\\*b", "ab", false},
             {"a?b",
              "a\xe2\x98\xba"
              "b",
              true},
             {"a[^a]b",
              "a\xe2\x98\xba"
              "b",
              true},
             {"a???b",
              "a\xe2\x98\xba"
              "b",
              false},
             {"[a-\xce\xb6]*", "\xce\xb1", true},
             {"*[a-\xce\xb6]", "A", false},
             {"[\\]a]", "]", true},
             {"[\\-]", "-", true},
             {"[x\\-]", "x", true},
             {"[x\\-]", "-", true},
             {"[x\\-]", "z", false},
             {"[\\-x]", "x", true},
             {"*x", "xxx", true},
             {"", "", true},
             {"", "a", false},
             {"*", "", true},
             {"?", "\xff", true},
         })
        EXPECT_EQ(glob_matches(c.pattern, c.name), c.matches) << c.pattern << " and " << c.name;
}

TEST(Glob, RefusesWhatGoRefuses) {
    for (const char* pattern :
         {"[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[", "[^", "[^bc", "a[", "a\\"})
        EXPECT_FALSE(check_glob(pattern)) << pattern;
}

TEST(Glob, TakesNoLongerThanTheProductOfTheLengths) {
    std::string name(5000, 'a'), pattern;
    for (int i = 0; i < 200; ++i) pattern += "*a";
    EXPECT_FALSE(glob_matches(pattern + "b", name));
}

TEST(Glob, KnowsWhatNeedsMatching) {
    EXPECT_FALSE(has_wildcard("requirements.txt"));
    EXPECT_TRUE(has_wildcard("*.txt"));
    EXPECT_EQ(unescape_glob("a\\*b"), "a*b");
}

}  // namespace
}  // namespace crank::build
