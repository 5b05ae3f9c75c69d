#include "engine/env_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(EnvFile, ReadsLinesAsTheyStand) {
    auto variables =
        parse_env_file("\xef\xbb\xbf# comment\n\nA=1\n  B= two words \nC=\"q\"\r\nD=\n", {});
    ASSERT_TRUE(variables);
    EXPECT_THAT(*variables, ElementsAre("A=1", "B= two words ", "C=\"q\"", "D="));
}

TEST(EnvFile, ANameAloneIsTheCallers) {
    auto variables = parse_env_file("HERE\nNOT_HERE\n", {"HEREAFTER=2", "HERE=x=y"});
    ASSERT_TRUE(variables);
    EXPECT_THAT(*variables, ElementsAre("HERE=x=y"));
}

TEST(EnvFile, BadLinesAreNamed) {
    EXPECT_THAT(parse_env_file("A=1\n=2\n", {}).error().text(), HasSubstr("line 2: no name"));
    EXPECT_THAT(parse_env_file("export A=1\n", {}).error().text(), HasSubstr("\"export A\""));
    EXPECT_FALSE(parse_env_file(std::string_view("A=\0", 3), {}));
    EXPECT_EQ(read_env_file("/nowhere", {}).error().code(), Code::not_found);
}

}  // namespace
}  // namespace crank::engine
