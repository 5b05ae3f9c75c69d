#include "sys/system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdlib>

namespace crank::sys {
namespace {

TEST(System, RandomBytesDiffer) {
    std::array<std::uint8_t, 32> a{}, b{};
    ASSERT_TRUE(fill_random(a));
    ASSERT_TRUE(fill_random(b));
    EXPECT_NE(a, b);
}

TEST(System, EnvironmentHoldsWhatWasSet) {
    setenv("CRANK_SYSTEM_TEST", "x=y", 1);
    bool found = false;
    for (const std::string& entry : environment()) found |= entry == "CRANK_SYSTEM_TEST=x=y";
    EXPECT_TRUE(found);
}

TEST(System, MonotonicClockDoesNotGoBack) {
    std::int64_t first = monotonic_clock_ns();
    EXPECT_GE(monotonic_clock_ns(), first);
}

TEST(System, ReadsTheUmask) {
    mode_t before = ::umask(0027);
    EXPECT_EQ(current_umask().value(), 0027u);
    ::umask(before);
}

TEST(System, KernelHasNames) {
    EXPECT_FALSE(kernel_info().release.empty());
    EXPECT_GE(online_cpus(), 1);
}

}  // namespace
}  // namespace crank::sys
