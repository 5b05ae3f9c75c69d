#include "compose/interpolate.h"

#include <gtest/gtest.h>

#include "compose/address.h"
#include "compose/dotenv.h"

namespace crank::compose {
namespace {

const Environment kEnvironment = {{"FOO", "first"}, {"EMPTY", ""}, {"BAR", "second"}};

std::optional<std::string> known(std::string_view name) {
    auto found = kEnvironment.find(name);
    if (found == kEnvironment.end()) return std::nullopt;
    return found->second;
}

std::string expanded(std::string_view text) {
    auto value = interpolate(text, known, [](std::string_view) {});
    return value ? *value : "error: " + value.error().message();
}

TEST(ComposeInterpolate, KnowsEveryFormOfAVariable) {
    EXPECT_EQ(expanded("$FOO-${BAR}"), "first-second");
    EXPECT_EQ(expanded("${FOO:-d} ${EMPTY:-d} ${EMPTY-d} ${NO-d}"), "first d  d");
    EXPECT_EQ(expanded("${FOO:+r}|${EMPTY:+r}|${EMPTY+r}|${NO+r}"), "r||r|");
    EXPECT_EQ(expanded("${FOO:?e} ${EMPTY?e}"), "first ");
    EXPECT_EQ(expanded("$$FOO $$ ${FOO}$$"), "$FOO $ first$");
    EXPECT_EQ(expanded("$5 $ $-"), "$5 $ $-");
    EXPECT_EQ(expanded("${NO}"), "");
}

TEST(ComposeInterpolate, Nests) {
    EXPECT_EQ(expanded("${NO:-${NEITHER:-${FOO}}}!"), "first!");
    EXPECT_EQ(expanded("${NO:-{\"a\":\"$BAR\"}}"), "{\"a\":\"second\"}");
    EXPECT_EQ(expanded("${FOO:+${BAR:-x}}"), "second");
    EXPECT_EQ(expanded("${NO:-http://host:80/?a=b}"), "http://host:80/?a=b");
}

TEST(ComposeInterpolate, ARequiredVariableThatIsMissingIsAnErrorWithItsText) {
    EXPECT_EQ(expanded("${NO:?set $FOO}"),
              "error: required variable NO is missing a value: set first");
    EXPECT_EQ(expanded("${EMPTY:?}"), "error: required variable EMPTY is missing a value");
}

TEST(ComposeInterpolate, WhatIsNoVariableIsAnError) {
    EXPECT_EQ(expanded("${FOO"), "error: '${FOO' has no closing brace");
    EXPECT_EQ(expanded("${}"), "error: '${}' is not a variable");
    EXPECT_EQ(expanded("${5}"), "error: '${5}' is not a variable");
    EXPECT_EQ(expanded("${FOO!}"), "error: '${FOO!}' is not a variable");
    std::string deep;
    for (int i = 0; i < 100; i++) deep += "${NO:-";
    EXPECT_EQ(expanded(deep + std::string(100, '}')),
              "error: variables nested deeper than 64 levels");
}

Result<Environment> dotenv(std::string_view text) {
    return parse_dotenv(text, ".env", known, [](std::string_view) {});
}

TEST(ComposeAddress, IsOneOrNot) {
    for (const char* text :
         {"10.0.0.1", "::", "::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"})
        EXPECT_TRUE(is_ip_address(text)) << text;
    for (const char* text : {"", "10.0.0", "10.0.0.256", "01.2.3.4", "1:2", ":::", "1::2::3",
                             "g::", "1:2:3:4:5:6:7::8:9", "1.2.3.4::"})
        EXPECT_FALSE(is_ip_address(text)) << text;
}

TEST(ComposeDotenv, KnowsQuotesCommentsAndLines) {
    auto env = dotenv(
        "\xef\xbb\xbf# first\nA=1\n  export B = two words # comment\nC='$FOO \"x\"'\n"
        "D=\"a\\n$FOO \\$FOO\"\nE: yaml\nF=a#b\nG=\nFOO\nNO\nH=\"line\nline\"\nI=${A}${FOO}\n"
        "J='it\\'s'\r\nK=${NO:-d}");
    ASSERT_TRUE(env) << env.error().message();
    Environment expected = {
        {"A", "1"},          {"B", "two words"}, {"C", "$FOO \"x\""}, {"D", "a\nfirst $FOO"},
        {"E", "yaml"},       {"F", "a#b"},       {"G", ""},           {"FOO", "first"},
        {"H", "line\nline"}, {"I", "1first"},    {"J", "it's"},       {"K", "d"}};
    EXPECT_EQ(*env, expected);
}

TEST(ComposeDotenv, ErrorsNameFileAndLine) {
    EXPECT_EQ(dotenv("A=1\n\nB=\"x").error().message(), ".env:3: unterminated quoted value \"x");
    EXPECT_EQ(dotenv("A=1\nTWO WORDS=1").error().message(), ".env:2: key cannot contain a space");
    EXPECT_EQ(dotenv("A%=1").error().message(),
              ".env:1: unexpected character \"%\" in variable name \"A%\"");
    EXPECT_EQ(dotenv("=1").error().message(), ".env:1: a line without a name before '='");
    EXPECT_EQ(dotenv("A=${B:?no b}").error().message(),
              ".env:1: required variable B is missing a value: no b");
    EXPECT_EQ(dotenv(std::string(kMaxEnvFileBytes + 1, ' ')).error().message(),
              ".env is larger than 1 MiB");
}

TEST(ComposeDotenv, RawValuesMeanThemselves) {
    auto lookup = [](std::string_view name) {
        return name == "KNOWN" ? std::optional<std::string>("it") : std::nullopt;
    };
    auto env = parse_raw_env("A='$FOO' # x\n  # c\n B=\"\nKNOWN\nOTHER\n", "f", lookup);
    ASSERT_TRUE(env);
    EXPECT_EQ(*env, (Environment{{"A", "'$FOO' # x"}, {"B", "\""}, {"KNOWN", "it"}}));
    for (const char* text : {"A=1\n=2", "A=1\nTWO WORDS=2", "A=1\nB "})
        EXPECT_EQ(parse_raw_env(text, "f", lookup).error().message(),
                  "f:2: wants NAME=VALUE or NAME");
}

}  // namespace
}  // namespace crank::compose
