#include "engine/restart_policy.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using Kind = RestartPolicy::Kind;

TEST(RestartPolicy, IsReadAsDockerWritesIt) {
    EXPECT_EQ(*parse_restart_policy("no"), (RestartPolicy{Kind::no, 0}));
    EXPECT_EQ(*parse_restart_policy("always"), (RestartPolicy{Kind::always, 0}));
    EXPECT_EQ(*parse_restart_policy("unless-stopped"), (RestartPolicy{Kind::unless_stopped, 0}));
    EXPECT_EQ(*parse_restart_policy("on-failure"), (RestartPolicy{Kind::on_failure, 0}));
    EXPECT_EQ(*parse_restart_policy("on-failure:3"), (RestartPolicy{Kind::on_failure, 3}));
}

TEST(RestartPolicy, WhatIsWrongIsNamed) {
    for (const char* text : {"", "sometimes", "always:3", "on-failure:", "on-failure:x",
                             "on-failure:-1", "on-failure:99999999999"}) {
        auto policy = parse_restart_policy(text);
        ASSERT_FALSE(policy) << text;
        EXPECT_EQ(policy.error().code(), Code::invalid_argument);
        EXPECT_NE(policy.error().text().find("--restart=\"" + std::string(text) + "\": "),
                  std::string::npos);
        EXPECT_NE(policy.error().hint().find("unless-stopped"), std::string::npos);
    }
}

}  // namespace
}  // namespace crank::engine
