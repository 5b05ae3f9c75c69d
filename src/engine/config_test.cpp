#include "engine/config.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

TEST(Config, ReadsTextsAndBooleans) {
    auto config = Config::parse(
        R"({"alias.python:3.11-slim": "localhost/x:1", "build.host-trust": true})", "c.json");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->alias("python:3.11-slim"), "localhost/x:1");
    EXPECT_EQ(config->alias("python"), std::nullopt);
    EXPECT_TRUE(config->flag("build.host-trust"));
    EXPECT_EQ(config->text("publish.address"), "127.0.0.1");
}

TEST(Config, UnknownKeyIsAnErrorThatNamesTheFileAndASuggestion) {
    auto config = Config::parse(R"({"publish.adress": "::"})", "c.json");
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().text(), "configuration c.json: unknown setting \"publish.adress\"");
    EXPECT_EQ(config.error().hint(), "did you mean publish.address?");
}

TEST(Config, WrongTypesAndNoJsonAreErrors) {
    EXPECT_EQ(Config::parse("{", "c.json").error().text(),
              "configuration c.json: not a JSON object");
    EXPECT_EQ(Config::parse(R"({"publish.address": 1})", "c.json").error().text(),
              "configuration c.json: publish.address: a text or true or false is wanted");
    EXPECT_EQ(Config::parse(R"({"build.host-trust": "on"})", "c.json").error().text(),
              "configuration c.json: build.host-trust: \"on\" is neither true nor false");
}

TEST(Config, MissingFileIsEmpty) {
    auto config = Config::load("/nonexistent/crank/config.json");
    ASSERT_TRUE(config);
    EXPECT_TRUE(config->entries().empty());
}

}  // namespace
}  // namespace crank::engine
