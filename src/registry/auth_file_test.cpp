#include "registry/auth_file.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

TEST(AuthFile, ReadsWhatDockerAndPodmanWrite) {
    auto file = parse_auth_file(R"({
        "auths": {"registry.example:5000": {"auth": "dXNlcjpwYTpzcw=="},
                  "https://old.example/v1/": {"auth": "dTpw"},
                  "quay.example/team": {"username": "u", "password": "p"},
                  "hub": {"identitytoken": "t"},
                  "helped.example": {}},
        "credsStore": "secretservice", "credHelpers": {"gcr.example": "gcloud"},
        "HttpHeaders": {"User-Agent": "Docker"}})");
    ASSERT_TRUE(file);
    const Credential& credential = file->entries.at("registry.example:5000");
    EXPECT_EQ(credential.user, "user");
    EXPECT_EQ(credential.secret.reveal(), "pa:ss");
    EXPECT_EQ(file->entries.at("old.example").secret.reveal(), "p");
    EXPECT_TRUE(file->entries.at("hub").identity_token);
    EXPECT_EQ(file->entries.count("helped.example"), 0U);
    EXPECT_EQ(file->store, "secretservice");
    EXPECT_EQ(file->helpers.at("gcr.example"), "gcloud");
    EXPECT_TRUE(parse_auth_file("").value().entries.empty());
}

TEST(AuthFile, RefusesWhatIsBroken) {
    EXPECT_FALSE(parse_auth_file("[]"));
    EXPECT_FALSE(parse_auth_file(R"({"auths": []})"));
    EXPECT_FALSE(parse_auth_file(R"({"auths": {"a": {"auth": "!!"}}})"));
    EXPECT_FALSE(parse_auth_file(R"({"credsStore": "../../bin/sh"})"));
    EXPECT_FALSE(parse_auth_file(R"({"credHelpers": {"a": "x/y"}})"));
    auto error = parse_auth_file(R"({"auths": {"a": {"auth": "c2VjcmV0"}}})");
    ASSERT_FALSE(error);
    EXPECT_EQ(error.error().text().find("c2VjcmV0"), std::string::npos);
}

TEST(AuthFile, TheMostExactKeyComesFirst) {
    EXPECT_EQ(
        auth_keys("quay.example", "team/app"),
        (std::vector<std::string>{"quay.example/team/app", "quay.example/team", "quay.example"}));
    EXPECT_EQ(auth_key("docker.io"), "https://index.docker.io/v1/");
}

TEST(AuthFile, ChangesOneEntryAlone) {
    Credential credential{"user", Secret("pass"), false};
    std::string before = R"({"HttpHeaders":{"a":"b"},"auths":{"x":{"auth":"dTpw"}},"zzz":1})";
    auto text = with_entry(before, "r.example", credential).value();
    auto file = parse_auth_file(text).value();
    EXPECT_EQ(file.entries.at("r.example").secret.reveal(), "pass");
    EXPECT_EQ(file.entries.at("x").user, "u");
    EXPECT_NE(text.find("\"zzz\": 1"), std::string::npos);
    auto without = without_entry(text, "r.example").value();
    EXPECT_TRUE(without.was_there);
    EXPECT_EQ(parse_auth_file(without.json).value().entries.size(), 1U);
    EXPECT_FALSE(without_entry(without.json, "r.example").value().was_there);
    EXPECT_FALSE(with_entry("{broken", "r.example", credential));
    for (const char* auths : {"[]", "1", "\"x\""})
        EXPECT_FALSE(
            with_entry(R"({"auths":)" + std::string(auths) + "}", "r.example", credential));
    EXPECT_TRUE(with_entry(R"({"auths":null})", "r.example", credential));
}

// What older tools have written for the same host must not outlive a login or a logout.
TEST(AuthFile, OneHostWrittenInSeveralWays) {
    Credential credential{"user", Secret("new"), false};
    std::string before =
        R"({"auths":{"https://a.example/v1/":{"auth":"dTpw"},"http://a.example":{"auth":"dTpw"}}})";
    auto text = with_entry(before, "a.example", credential).value();
    EXPECT_EQ(parse_auth_file(text).value().entries.at("a.example").secret.reveal(), "new");
    auto without = without_entry(text, "a.example").value();
    EXPECT_TRUE(without.was_there);
    EXPECT_TRUE(parse_auth_file(without.json).value().entries.empty());
}

TEST(AuthFile, ReadsHelpers) {
    auto answer = parse_helper_answer(R"({"ServerURL":"x","Username":"u","Secret":"s"})").value();
    EXPECT_EQ(answer.user, "u");
    EXPECT_FALSE(answer.identity_token);
    EXPECT_TRUE(
        parse_helper_answer(R"({"Username":"<token>","Secret":"s"})").value().identity_token);
    EXPECT_FALSE(parse_helper_answer(R"({"Username":"u"})"));
    EXPECT_FALSE(parse_helper_answer("no credentials"));
}

TEST(AuthFile, AsksHelpersInUtf8Alone) {
    EXPECT_EQ(helper_input("r.example", {"u", Secret("p\"\xc3\xbc"), false}).value(),
              R"({"ServerURL":"r.example","Username":"u","Secret":"p\")"
              "\xc3\xbc\"}");
    auto bad = helper_input("r.example", {"u", Secret("p\xff"), false});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace crank::registry
