#include "engine/health_state.h"

#include <gtest/gtest.h>

namespace crank::engine {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

ProbeResult at(std::int64_t seconds, int code, std::string output = "") {
    return {seconds * kSecond, seconds * kSecond + 1, code, std::move(output)};
}

HealthState run(const HealthCheck& check, std::initializer_list<ProbeResult> results) {
    HealthState state;
    for (const ProbeResult& result : results) state = after(std::move(state), result, check);
    return state;
}

TEST(HealthState, OnePassIsEnoughAndThreeFailuresAreToo) {
    EXPECT_EQ(run({}, {at(1, 0)}).status, HealthStatus::healthy);
    EXPECT_EQ(run({}, {at(1, 1), at(2, 1)}).status, HealthStatus::starting);
    HealthState state = run({}, {at(1, 0), at(2, 1), at(3, 1)});
    EXPECT_EQ(state.status, HealthStatus::healthy);
    EXPECT_EQ(state.failing_streak, 2);
    state = after(state, at(4, -1), {});
    EXPECT_EQ(state.status, HealthStatus::unhealthy);
    EXPECT_EQ(state.since_ns, 4 * kSecond + 1);
    state = after(state, at(5, 0), {});
    EXPECT_EQ(state.status, HealthStatus::healthy);
    EXPECT_EQ(state.failing_streak, 0);
}

TEST(HealthState, FailuresOfTheStartPeriodDoNotCountUntilOnePassed) {
    HealthCheck check{.start_period = 10 * kSecond, .retries = 2};
    HealthState state = run(check, {at(1, 1), at(5, 1), at(9, 1)});
    EXPECT_EQ(state.status, HealthStatus::starting);
    EXPECT_EQ(state.failing_streak, 0);
    EXPECT_EQ(run(check, {at(9, 1), at(10, 1), at(11, 1)}).status, HealthStatus::unhealthy);
    // Once it was healthy the period is over.
    EXPECT_EQ(run(check, {at(1, 0), at(2, 1), at(3, 1)}).status, HealthStatus::unhealthy);
}

TEST(HealthState, WhoIsNotReadyIsNotStartedAgainWhereItsLifeIsAskedApart) {
    HealthCheck check{.start_period = 10 * kSecond, .retries = 2, .live = {"PROBE", "tcp://:1"}};
    HealthState state = run(check, {at(11, 1), at(12, 1)});
    EXPECT_EQ(state.status, HealthStatus::unhealthy);
    EXPECT_FALSE(is_to_be_acted_on(state, check));
    check.live_retries = 2;
    state = after_live(after_live(state, at(12, 1), check), at(13, 0), check);
    EXPECT_EQ(state.live_streak, 0);
    state = after_live(after_live(state, at(14, 1), check), at(15, 1), check);
    EXPECT_TRUE(is_to_be_acted_on(state, check));
    EXPECT_EQ(parse_health(serialize(state)).value(), state);
    // so long as it starts nobody counts
    EXPECT_EQ(after_live(run(check, {at(1, 1)}), at(2, 1), check).live_streak, 0);
    // and without one the check itself counts
    check.live.clear();
    EXPECT_TRUE(is_to_be_acted_on(run(check, {at(11, 1), at(12, 1)}), check));
    EXPECT_FALSE(is_to_be_acted_on(run(check, {at(11, 1)}), check));
}

TEST(HealthState, TheLastFiveResultsAreKept) {
    HealthState state;
    for (int i = 1; i <= 8; ++i) state = after(std::move(state), at(i, i), {});
    ASSERT_EQ(state.log.size(), 5);
    EXPECT_EQ(state.log.front().exit_code, 4);
    EXPECT_EQ(state.log.back().exit_code, 8);
}

TEST(HealthState, OutputIsCutAt4096Bytes) {
    EXPECT_EQ(cut_output(std::string(4096, 'x')), std::string(4096, 'x'));
    EXPECT_EQ(cut_output(std::string(5000, 'x')), std::string(4096, 'x') + "...");
}

TEST(HealthState, ComesBackAsItWasWrittenAndBeginsWithTheStatus) {
    HealthState state = run({}, {at(1, 1, "no \"answer\"\n"), at(2, 0)});
    state.started_at_ns = 77;
    std::string text = serialize(state);
    EXPECT_TRUE(text.starts_with("{\"Status\":\"healthy\""));
    EXPECT_EQ(*parse_health(text), state);
    EXPECT_TRUE(serialize(HealthState{}).starts_with("{\"Status\":\"starting\""));
    for (const char* bad : {"", "{", "{}", "[]", "{\"Status\":\"healthy\"}"})
        EXPECT_FALSE(parse_health(bad)) << bad;
}

TEST(HealthState, BytesThatAreNoTextAreNotLost) {
    HealthState state = run({}, {at(1, 1, "\xff\xfe")});
    EXPECT_TRUE(parse_health(serialize(state)));
}

TEST(HealthState, RestartsAreBoundedAndFurtherApartEachTime) {
    HealthCheck check{.on_unhealthy = OnUnhealthy::restart, .most_restarts = 3};
    UnhealthyAction first = decide(check, {}, 0, 0);
    EXPECT_EQ(first.action, OnUnhealthy::restart);
    EXPECT_EQ(first.restarts, 1);
    EXPECT_EQ(first.pause_ms, 1000);
    EXPECT_EQ(decide(check, {}, 0, 2).pause_ms, 4000);
    UnhealthyAction last = decide(check, {}, 0, 3);
    EXPECT_EQ(last.action, OnUnhealthy::stop);
    EXPECT_TRUE(last.gives_up);
    EXPECT_EQ(last.restarts, 3);
    check.most_restarts = 1000;
    EXPECT_EQ(decide(check, {}, 0, 500).pause_ms, 60'000);
}

TEST(HealthState, OneThatWasHealthyForLongBeginsANewRow) {
    HealthCheck check{.on_unhealthy = OnUnhealthy::restart, .most_restarts = 2};
    HealthState healthy{.status = HealthStatus::healthy, .since_ns = 100 * kSecond};
    EXPECT_TRUE(decide(check, healthy, 200 * kSecond, 2).gives_up);
    EXPECT_EQ(decide(check, healthy, 701 * kSecond, 2).restarts, 1);
}

TEST(HealthState, WithoutAnActionNothingFollows) {
    EXPECT_EQ(decide({}, {}, 0, 0).action, OnUnhealthy::none);
    EXPECT_EQ(decide({.on_unhealthy = OnUnhealthy::stop}, {}, 0, 0).action, OnUnhealthy::stop);
}

}  // namespace
}  // namespace crank::engine
