#include "engine/health_check.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using Words = std::vector<std::string>;

TEST(HealthCheck, ACommandIsAShellsOrAListOfWords) {
    EXPECT_EQ(*parse_health_command("curl -f http://localhost || exit 1"),
              (Words{"CMD-SHELL", "curl -f http://localhost || exit 1"}));
    EXPECT_EQ(*parse_health_command(R"(["curl", "-f"])"), (Words{"CMD", "curl", "-f"}));
    EXPECT_EQ(*parse_health_command(R"(["CMD-SHELL", "true"])"), (Words{"CMD-SHELL", "true"}));
    // The shell's own bracket.
    EXPECT_EQ(*parse_health_command("[ -e /ready ]"), (Words{"CMD-SHELL", "[ -e /ready ]"}));
    EXPECT_EQ(*parse_health_command("none"), Words{"NONE"});
    EXPECT_FALSE(parse_health_command("  "));
    EXPECT_FALSE(parse_health_command(R"(["CMD"])"));
}

TEST(HealthCheck, Times) {
    EXPECT_EQ(*parse_health_time("--health-interval", "1m30s"), 90'000'000'000);
    EXPECT_EQ(*parse_health_time("--health-interval", "0"), 0);
    EXPECT_EQ(*parse_health_time("--health-interval", "disable"), kNoInterval);
    EXPECT_FALSE(parse_health_time("--health-timeout", "disable"));
    for (const char* bad : {"30", "-1s", "10us", "721h", "soon", ""}) {
        auto time = parse_health_time("--health-timeout", bad);
        ASSERT_FALSE(time) << bad;
        EXPECT_NE(time.error().text().find("--health-timeout \"" + std::string(bad) + "\""),
                  std::string::npos);
    }
}

TEST(HealthCheck, TheUsualTimesAreDockersAndHostileOnesAreBounded) {
    HealthTimes times = times_of({});
    EXPECT_EQ(times.interval, std::chrono::seconds(30));
    EXPECT_EQ(times.timeout, std::chrono::seconds(30));
    EXPECT_EQ(times.start_period, std::chrono::seconds(0));
    EXPECT_EQ(times.start_interval, std::chrono::seconds(5));
    EXPECT_EQ(times.retries, 3);
    times = times_of({.interval = INT64_MAX, .timeout = 1, .start_period = INT64_MAX});
    EXPECT_EQ(times.interval, std::chrono::hours(720));
    EXPECT_EQ(times.timeout, std::chrono::milliseconds(1));
    EXPECT_EQ(times.start_period, std::chrono::hours(720));
}

TEST(HealthCheck, WhatIsAskedForStandsAboveTheImagesFieldByField) {
    oci::Healthcheck image{.test = {"CMD", "probe"}, .interval = 5, .timeout = 6, .retries = 7};
    auto merged = merge_health(image, {.timeout = 60}, false);
    ASSERT_TRUE(merged.check);
    EXPECT_EQ(merged.check->test, (Words{"CMD", "probe"}));
    EXPECT_EQ(merged.check->interval, 5);
    image.interval = kNoInterval;
    EXPECT_EQ(merge_health(image, {}, false).check->interval, 0);
    EXPECT_EQ(merged.check->timeout, 60);
    EXPECT_EQ(merged.check->retries, 7);
    EXPECT_FALSE(merge_health(image, {}, true).check);
    EXPECT_FALSE(merge_health(image, {.test = {"NONE"}}, false).check);
    EXPECT_FALSE(merge_health(oci::Healthcheck{.test = {"NONE"}}, {}, false).check);
    EXPECT_FALSE(merge_health(std::nullopt, {}, false).check);
}

TEST(HealthCheck, WhatThereIsNothingForIsAWarning) {
    auto merged = merge_health(std::nullopt, {.interval = 5}, false);
    EXPECT_FALSE(merged.check);
    ASSERT_EQ(merged.warnings.size(), 1);
    EXPECT_NE(merged.warnings[0].find("--health-cmd"), std::string::npos);
}

// An image's author chooses no probe from outside, and no word that crank does not know.
TEST(HealthCheck, AnUnknownTestOfAnImageIsAWarning) {
    for (const char* word : {"PROBE", "EXEC", ""}) {
        auto merged = merge_health(oci::Healthcheck{.test = {word, "http://:1/"}}, {}, false);
        EXPECT_FALSE(merged.check) << word;
        EXPECT_EQ(merged.warnings.size(), 1) << word;
    }
    EXPECT_FALSE(merge_health(oci::Healthcheck{.test = {"CMD"}}, {}, false).check);
}

TEST(HealthCheck, Actions) {
    HealthCheck check;
    ASSERT_TRUE(parse_on_unhealthy(check, "restart:3"));
    EXPECT_EQ(check.on_unhealthy, OnUnhealthy::restart);
    EXPECT_EQ(most_restarts_of(check), 3);
    ASSERT_TRUE(parse_on_unhealthy(check, "restart"));
    EXPECT_EQ(most_restarts_of(check), kUsualRestarts);
    for (const char* bad : {"", "reboot", "stop:3", "restart:0", "restart:x", "restart:1001"})
        EXPECT_FALSE(parse_on_unhealthy(check, bad)) << bad;
}

TEST(HealthCheck, Probes) {
    using Kind = ProbeTarget::Kind;
    EXPECT_EQ(*parse_probe_target("http://:8501/health?deep=1"),
              (ProbeTarget{Kind::http, "", 8501, "/health?deep=1"}));
    EXPECT_EQ(*parse_probe_target("https://:8501"), (ProbeTarget{Kind::https, "", 8501, "/"}));
    EXPECT_EQ(*parse_probe_target("tcp://:6379"), (ProbeTarget{Kind::tcp, "", 6379, ""}));
    EXPECT_EQ(*parse_probe_target("tls://[::1]:443"), (ProbeTarget{Kind::tls, "::1", 443, ""}));
    EXPECT_EQ(parse_probe_target("http://localhost:80/")->host, "127.0.0.1");
    for (const char* bad :
         {"", "ftp://:21", "http://", "http://:0/", "http://:65536/", "http://:80 /", "tcp://:80/x",
          "http://example.org:80/", "http://:80/#top", "http://[::1]/", "http://:80/\r\nX: y"}) {
        auto target = parse_probe_target(bad);
        ASSERT_FALSE(target) << bad;
        EXPECT_NE(target.error().text().find("--probe"), std::string::npos);
        EXPECT_FALSE(target.error().hint().empty());
    }
}

}  // namespace
}  // namespace crank::engine
