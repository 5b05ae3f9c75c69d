#include "runtime/end.h"

#include <gtest/gtest.h>

namespace crank::runtime {
namespace {

TEST(End, ReadsWhatTheMonitorWrites) {
    auto facts = parse_end(
        "crank-end 1\nstatus 9\nworker_known 1\nworker_pid 4711\npassed_signal 15 0\n"
        "oom_kills 2\nlimit_hits 30\nmemory_peak 67108864\nperiods 100\nthrottled_periods 40\n"
        "throttled_us 12\ncpu_ns 5\npids_refused 0\nkilled 4711 1 my worker\nkilled 4712 0 sh\n"
        "denied 101 3221225534\n");
    ASSERT_TRUE(facts);
    EndFacts wanted;
    wanted.status = 9;
    wanted.worker_known = true;
    wanted.worker_pid = 4711;
    wanted.passed_signal = 15;
    wanted.oom_kills = 2;
    wanted.limit_hits = 30;
    wanted.memory_peak = 67108864;
    wanted.periods = 100;
    wanted.throttled_periods = 40;
    wanted.throttled_ns = 12000;
    wanted.cpu_ns = 5;
    wanted.pids_refused = 0;
    wanted.killed = {{4711, true, "my worker"}, {4712, false, "sh"}};
    wanted.denied = DeniedCall{101, 0xc000003e};
    EXPECT_EQ(*facts, wanted);
}

TEST(End, WhatIsNotThereStaysUnknown) {
    auto facts = parse_end("crank-end 1\nstatus 256\nworker_known 1\nsome_later_word 1\n");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->status, 256);
    EXPECT_FALSE(facts->oom_kills);
    EXPECT_FALSE(facts->throttled_ns);
    EXPECT_FALSE(facts->denied);
    EXPECT_TRUE(facts->killed.empty());
}

TEST(End, AnotherVersionIsNotRead) {
    EXPECT_EQ(parse_end("crank-end 2\nstatus 9\n").error().code(), Code::corrupt);
    EXPECT_EQ(parse_end("").error().code(), Code::corrupt);
    EXPECT_EQ(read_end("/nowhere").error().code(), Code::not_found);
}

TEST(End, NumbersOutOfRangeDoNoHarm) {
    auto facts = parse_end("crank-end 1\nthrottled_us 9223372036854775807\ncpu_us x\nkilled\n");
    ASSERT_TRUE(facts);
    EXPECT_FALSE(facts->throttled_ns);
    EXPECT_EQ(facts->killed.size(), 1U);
}

}  // namespace
}  // namespace crank::runtime
