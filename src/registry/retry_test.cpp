#include "registry/retry.h"

#include <gtest/gtest.h>

namespace crank::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Retry, ReadsRetryAfter) {
    std::chrono::sys_seconds now{seconds(784111777)};  // Sun, 06 Nov 1994 08:49:37 GMT
    EXPECT_EQ(parse_retry_after("120", now), seconds(120));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:00 GMT", now), seconds(23));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
    for (const char* bad : {"", "-1", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "1e9"})
        EXPECT_FALSE(parse_retry_after(bad, now)) << bad;
    EXPECT_GT(*parse_retry_after("999999999999", now), kLongestWait);
}

TEST(Retry, WaitsLongerEachTimeAndIsBounded) {
    EXPECT_EQ(backoff(1, milliseconds(500), 0), milliseconds(500));
    EXPECT_EQ(backoff(3, milliseconds(500), 0), milliseconds(2000));
    EXPECT_EQ(backoff(40, milliseconds(500), 0), seconds(16));
    EXPECT_LE(backoff(40, milliseconds(500), 255), seconds(20));
    EXPECT_TRUE(is_transient(429));
    EXPECT_FALSE(is_transient(404));
}

}  // namespace
}  // namespace crank::registry
