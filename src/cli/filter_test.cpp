#include "cli/filter.h"

#include <gtest/gtest.h>

namespace crank::cli {
namespace {

constexpr std::string_view kKnown[] = {"name", "status", "label"};

TEST(Filter, ValuesOfOneKeyAreAlternatives) {
    Filters filters = *Filters::parse({"status=exited", "STATUS=running", "name=a"}, kKnown);
    EXPECT_TRUE(filters.any("status", [](const std::string& word) { return word == "running"; }));
    EXPECT_FALSE(filters.all("status", [](const std::string& word) { return word == "running"; }));
    EXPECT_TRUE(filters.any("label", [](const std::string&) { return false; }));
    EXPECT_TRUE(filters.values("label").empty());
}

TEST(Filter, WhatIsWrongIsNamed) {
    EXPECT_EQ(Filters::parse({"name"}, kKnown).error().text(),
              "--filter name: a filter is KEY=VALUE");
    Error error = Filters::parse({"statsu=x"}, kKnown).error();
    EXPECT_EQ(error.text(), "--filter statsu=x: invalid filter 'statsu'");
    EXPECT_EQ(error.hint(), "did you mean status?");
    EXPECT_EQ(parse_truth("perhaps", "dangling").error().text(),
              "--filter dangling=perhaps: true or false");
}

TEST(Filter, ALabelWithAndWithoutItsValue) {
    std::map<std::string, std::string> labels{{"tier", "web"}, {"flag", ""}};
    EXPECT_TRUE(matches_label(labels, "tier"));
    EXPECT_TRUE(matches_label(labels, "tier=web"));
    EXPECT_FALSE(matches_label(labels, "tier=db"));
    EXPECT_TRUE(matches_label(labels, "flag="));
    EXPECT_FALSE(matches_label(labels, "none"));
}

}  // namespace
}  // namespace crank::cli
