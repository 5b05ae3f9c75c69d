#include "cli/completion.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/verb.h"

namespace crank::cli {
namespace {

const LiveNames kNames{.containers = [] { return std::vector<std::string>{"mail", "main"}; },
                       .images = [] { return std::vector<std::string>{"mail:latest"}; }};

std::vector<std::string> offered(std::vector<std::string_view> words) {
    std::vector<std::string> texts;
    for (const Candidate& candidate : complete(words, kNames).candidates)
        texts.push_back(candidate.text);
    return texts;
}
bool offers(std::vector<std::string_view> words, const std::string& text) {
    return std::ranges::count(offered(std::move(words)), text) == 1;
}

TEST(Completion, VerbsAndGroups) {
    EXPECT_EQ(offered({"inspec"}), std::vector<std::string>{"inspect"});
    EXPECT_TRUE(offers({""}, "image"));
    EXPECT_TRUE(offers({"--debug", "ru"}, "run"));
    EXPECT_TRUE(offers({"image", ""}, "ls"));
    EXPECT_TRUE(offers({"container", "st"}, "stop"));
    // What is no verb for people is not offered.
    EXPECT_FALSE(offers({"_"}, "__complete"));
}

TEST(Completion, FlagsAndTheirValues) {
    EXPECT_TRUE(offers({"run", "--me"}, "--memory"));
    EXPECT_TRUE(offers({"run", "--deb"}, "--debug"));
    EXPECT_EQ(offered({"inspect", "--type", "c"}), std::vector<std::string>{"container"});
    EXPECT_TRUE(complete(std::vector<std::string_view>{"run", "--env-file", ""}, kNames).files);
}

TEST(Completion, LiveNamesWhereTheyBelong) {
    EXPECT_EQ(offered({"stop", "mai"}), (std::vector<std::string>{"mail", "main"}));
    EXPECT_EQ(offered({"stop", "mail", "main"}), std::vector<std::string>{"main"});
    EXPECT_EQ(offered({"rmi", ""}), std::vector<std::string>{"mail:latest"});
    EXPECT_EQ(offered({"run", "-d", "-p", "80:80", ""}), std::vector<std::string>{"mail:latest"});
    // Behind the image it is the worker's.
    EXPECT_TRUE(offered({"run", "mail", "--me"}).empty());
    EXPECT_TRUE(complete(std::vector<std::string_view>{"cp", "ma"}, kNames).files);
    EXPECT_TRUE(offers({"cp", "ma"}, "mail"));
}

TEST(Completion, WhatIsNoVerbOffersNothing) {
    EXPECT_TRUE(offered({"nothing", ""}).empty());
    EXPECT_TRUE(offered({"stop", "--nothing", "x"}).empty());
}

// Every verb of the table can be completed, whatever its arguments are called.
TEST(Completion, EveryVerb) {
    for (const Verb* verb : verbs()) {
        std::vector<std::string> parts;
        std::string name(verb->name);
        std::size_t space = name.find(' ');
        std::vector<std::string_view> words{std::string_view(verb->name).substr(0, space)};
        if (space != std::string::npos)
            words.push_back(std::string_view(verb->name).substr(space + 1));
        words.push_back("--");
        EXPECT_FALSE(offered(words).empty()) << name;
        words.back() = "";
        (void)complete(words, kNames);
    }
}

}  // namespace
}  // namespace crank::cli
