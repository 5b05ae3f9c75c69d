#include "registry/challenge.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

TEST(Challenge, ReadsWhatRegistriesSend) {
    auto bearer = parse_challenges(
        R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",)"
        R"(scope="repository:library/python:pull")");
    ASSERT_EQ(bearer.value().size(), 1U);
    EXPECT_EQ(bearer->front(),
              (Challenge{"bearer", "https://auth.docker.io/token", "registry.docker.io",
                         "repository:library/python:pull", ""}));
    auto basic = parse_challenges("Basic realm=\"basic \\\"realm\\\"\"");
    EXPECT_EQ(basic.value().front().realm, "basic \"realm\"");
    auto both =
        parse_challenges("Negotiate, Basic realm = x , BEARER realm=\"https://a/t\" , service=s");
    ASSERT_EQ(both.value().size(), 3U);
    EXPECT_EQ(both->at(2).service, "s");
    EXPECT_TRUE(parse_challenges("").value().empty());
}

TEST(Challenge, RefusesWhatIsMalformed) {
    EXPECT_FALSE(parse_challenges("Bearer realm=\"unfinished"));
    EXPECT_FALSE(parse_challenges("Bearer realm=\"a\nb\""));
    EXPECT_FALSE(parse_challenges("\"just a text\""));
    EXPECT_FALSE(parse_challenges(std::string(9000, 'a')));
    std::string many;
    for (int i = 0; i < 20; ++i) many += "a, ";
    EXPECT_FALSE(parse_challenges(many));
}

TEST(Challenge, ReadsTokens) {
    EXPECT_EQ(parse_token(R"({"token":"abc","expires_in":300})").value().text, "abc");
    EXPECT_EQ(parse_token(R"({"access_token":"abc"})").value().seconds, 60);
    EXPECT_FALSE(parse_token("{}"));
    EXPECT_FALSE(parse_token(R"({"token":"a\r\nHost: evil"})"));
    EXPECT_FALSE(parse_token("[1]"));
    EXPECT_EQ(percent_encode("repository:a/b:pull"), "repository%3aa%2fb%3apull");
}

}  // namespace
}  // namespace crank::registry
