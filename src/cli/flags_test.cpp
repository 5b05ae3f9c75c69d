#include "cli/flags.h"

#include <gtest/gtest.h>

namespace crank::cli {
namespace {

constexpr Flag kFlags[] = {
    {"detach", 'd', FlagKind::boolean, "", "x"},
    {"interactive", 'i', FlagKind::boolean, "", "x"},
    {"tty", 't', FlagKind::boolean, "", "x"},
    {"publish", 'p', FlagKind::list, "PORT", "x"},
    {"name", 0, FlagKind::value, "NAME", "x"},
    {"network", 0, FlagKind::value, "MODE", "x"},
    {"net", 0, FlagKind::value, "", "", "network"},
};
constexpr MissingFlag kMissing[] = {{"cap-add", 0, true}, {"link", 'k', true}};

Result<Arguments> parse_run(std::vector<std::string_view> words) {
    return parse({.flags = kFlags,
                  .missing = kMissing,
                  .min_words = 1,
                  .max_words = kAnyWords,
                  .first_word_ends_flags = true,
                  .arguments = "IMAGE [COMMAND] [ARG...]"},
                 words);
}

TEST(Flags, BundledShortFlagsAndValues) {
    auto a = parse_run({"-it", "-p80:80", "-p", "81:81", "-p=82:82", "--name=x", "image"});
    ASSERT_TRUE(a) << a.error().text();
    EXPECT_TRUE(a->on("interactive"));
    EXPECT_TRUE(a->on("tty"));
    EXPECT_FALSE(a->on("detach"));
    EXPECT_EQ(a->values("publish"), (std::vector<std::string>{"80:80", "81:81", "82:82"}));
    EXPECT_EQ(a->value("name"), "x");
}

TEST(Flags, BundleMayEndWithAValue) {
    auto a = parse_run({"-dp", "80:80", "image"});
    ASSERT_TRUE(a);
    EXPECT_TRUE(a->on("detach"));
    EXPECT_EQ(a->values("publish"), std::vector<std::string>{"80:80"});
}

TEST(Flags, WhatFollowsTheImageIsTheWorkers) {
    auto a = parse_run({"-d", "image", "--name", "-t", "--", "--help"});
    ASSERT_TRUE(a);
    EXPECT_EQ(a->words(), (std::vector<std::string>{"image", "--name", "-t", "--", "--help"}));
    EXPECT_FALSE(a->on("help"));
    EXPECT_FALSE(a->has("name"));
}

TEST(Flags, TwoDashesEndTheFlags) {
    auto a = parse_run({"-d", "--", "-image"});
    ASSERT_TRUE(a);
    EXPECT_EQ(a->words(), std::vector<std::string>{"-image"});
}

TEST(Flags, BooleansTakeAValueBehindEquals) {
    auto a = parse_run({"--detach=false", "--tty=1", "image"});
    ASSERT_TRUE(a);
    EXPECT_EQ(a->find_switch("detach"), false);
    EXPECT_TRUE(a->on("tty"));
    EXPECT_EQ(a->find_switch("interactive"), std::nullopt);
    auto bad = parse_run({"--detach=maybe", "image"});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().text(), "invalid value \"maybe\" for --detach: true or false");
}

TEST(Flags, AliasIsTheSameFlag) {
    auto a = parse_run({"--net", "host", "image"});
    ASSERT_TRUE(a);
    EXPECT_EQ(a->value("network"), "host");
}

TEST(Flags, UnknownFlagGetsASuggestion) {
    auto a = parse_run({"--nmae", "x", "image"});
    ASSERT_FALSE(a);
    EXPECT_EQ(a.error().code(), Code::usage);
    EXPECT_EQ(a.error().text(), "unknown flag: --nmae");
    EXPECT_EQ(a.error().hint(), "did you mean --name?");
    auto b = parse_run({"-dz", "image"});
    ASSERT_FALSE(b);
    EXPECT_EQ(b.error().text(), "unknown flag: -z in -dz");
}

TEST(Flags, FlagsOfDockersThatAreMissingAreNamed) {
    for (std::string_view word : {"--cap-add", "--cap-add=X"}) {
        auto a = parse_run({word, "X", "image"});
        ASSERT_FALSE(a);
        EXPECT_EQ(a.error().code(), Code::unsupported);
        EXPECT_EQ(a.error().text(), "--cap-add is not supported yet");
    }
    auto b = parse_run({"-k", "x", "image"});
    ASSERT_FALSE(b);
    EXPECT_EQ(b.error().text(), "--link is not supported yet");
}

TEST(Flags, MissingValueAndMissingImage) {
    auto a = parse_run({"--name"});
    ASSERT_FALSE(a);
    EXPECT_EQ(a.error().text(), "--name needs a value");
    auto b = parse_run({"-d"});
    ASSERT_FALSE(b);
    EXPECT_EQ(b.error().text(), "not enough arguments, wanted: IMAGE [COMMAND] [ARG...]");
    EXPECT_TRUE(parse_run({"--help"}));
}

TEST(Flags, TheVerbStandsBehindTheGlobalFlags) {
    std::vector<std::string_view> words{"--root", "/x", "--state=/y", "-D", "run", "--root"};
    EXPECT_EQ(find_verb(words).value(), 4u);
    words = {"--nope", "run"};
    EXPECT_FALSE(find_verb(words));
    words = {"-h"};
    EXPECT_EQ(find_verb(words).value(), 1u);
}

TEST(FlagsDeathTest, AskingForAFlagOutsideTheTableIsABug) {
    auto a = parse_run({"image"});
    ASSERT_TRUE(a);
    EXPECT_DEATH((void)a->on("no-such"), "bug: no flag --no-such");
}

}  // namespace
}  // namespace crank::cli
