#include "sys/signals.h"

#include <gtest/gtest.h>

namespace crank::sys {
namespace {

TEST(Signals, NumbersFromNames) {
    EXPECT_EQ(signal_number("TERM"), SIGTERM);
    EXPECT_EQ(signal_number("sigterm"), SIGTERM);
    EXPECT_EQ(signal_number("9"), SIGKILL);
    EXPECT_EQ(signal_number("SIGRTMIN+3"), 37);
    EXPECT_EQ(signal_number("RTMAX"), 64);
    for (std::string_view bad : {"", "0", "65", "-9", "TERMS", "RTMIN+", "RTMIN-1", "RTMIN+31"})
        EXPECT_EQ(signal_number(bad), std::nullopt) << bad;
    EXPECT_EQ(signal_name(SIGKILL), "SIGKILL");
    EXPECT_EQ(signal_name(37), "37");
}

TEST(Signals, AreQueuedWhileTheQueueLives) {
    auto queue = SignalQueue::open({SIGUSR1});
    ASSERT_TRUE(queue);
    EXPECT_EQ(queue->next().value(), std::nullopt);
    raise(SIGUSR1);
    EXPECT_EQ(queue->next().value(), SIGUSR1);
    EXPECT_EQ(queue->next().value(), std::nullopt);
}

}  // namespace
}  // namespace crank::sys
