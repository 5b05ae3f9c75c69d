#include <gtest/gtest.h>

#include "shim/restart.h"

namespace crank::shim {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

Header with(Restart policy) {
    Header header{};
    header.restart = policy;
    return header;
}

TEST(RestartDelay, NeverWithoutAPolicy) {
    EXPECT_EQ(restart_delay(with(Restart::never), 1, kSecond), -1);
}

TEST(RestartDelay, OnFailureAloneForAFailureAndSoManyTimes) {
    Header header = with(Restart::on_failure);
    EXPECT_EQ(restart_delay(header, 0, kSecond), -1);
    EXPECT_EQ(restart_delay(header, 1, kSecond), 100);
    header.restart_most = 2;
    header.restart_count = 1;
    EXPECT_EQ(restart_delay(header, 137, kSecond), 100);
    header.restart_count = 2;
    EXPECT_EQ(restart_delay(header, 137, kSecond), -1);
}

TEST(RestartDelay, DoublesUpToAMinuteAndBeginsAnewAfterALongLife) {
    Header header = with(Restart::always);
    int delay = 0;
    for (int expected : {100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000}) {
        delay = restart_delay(header, 0, kSecond);
        EXPECT_EQ(delay, expected);
        header.restart_delay_ms = static_cast<uint32_t>(delay);
    }
    EXPECT_EQ(restart_delay(header, 0, 11 * kSecond), 100);
}

TEST(RestartDelay, NeverWhereACommandHasSaidSo) {
    Header header = with(Restart::always);
    header.shared.orders = kOrderStayEnded;
    EXPECT_EQ(restart_delay(header, 1, kSecond), -1);
}

TEST(RestartDelay, AnOrderCountsMoreThanThePolicyAndLessThanToStayEnded) {
    Header header = with(Restart::never);
    header.shared.orders = kOrderRestart;
    header.shared.restart_after_ms = 4000;
    EXPECT_EQ(restart_delay(header, 0, kSecond), 4000);
    header.shared.restart_after_ms = UINT32_MAX;
    EXPECT_EQ(restart_delay(header, 0, kSecond), 3'600'000);
    header.shared.orders |= kOrderStayEnded;
    EXPECT_EQ(restart_delay(header, 0, kSecond), -1);
}

}  // namespace
}  // namespace crank::shim
