#include "engine/events.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

TEST(Events, WhatIsWrittenIsRead) {
    Event event{.time_ns = 1'700'000'000'000'000'001,
                .type = "container",
                .action = "exec_start: sh -c \"x\ny\"",
                .id = std::string(64, 'a'),
                .attributes = {{"name", "mail"}, {"label", "a=b"}}};
    std::string line = serialize(event);
    // One line, whatever is in it.
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_EQ(parse_event(line), event);
}

TEST(Events, ALineOfAMonitor) {
    auto event = parse_event(
        R"({"time":5,"type":"container","action":"die","id":"ab","attributes":{"exitCode":"3"}})");
    ASSERT_TRUE(event);
    EXPECT_EQ(event->attributes.at("exitCode"), "3");
}

TEST(Events, WhatIsNoEventIsPassedOver) {
    for (const char* line :
         {"", "x", "{}", "[1]", R"({"time":"5"})", R"({"time":5,"type":"container","action":"di)",
          R"({"time":5,"type":1,"action":"a","id":"b","attributes":{}})"})
        EXPECT_FALSE(parse_event(line)) << line;
}

TEST(Events, TextThatIsNoUtf8IsReplacedAndNoBug) {
    Event event{.time_ns = 1,
                .type = "image",
                .action = "tag",
                .id = "x",
                .attributes = {{"name", "\xff"}}};
    EXPECT_TRUE(parse_event(serialize(event)));
}

}  // namespace
}  // namespace crank::engine
