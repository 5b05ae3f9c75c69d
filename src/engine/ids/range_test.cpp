#include "engine/ids/range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine::ids {
namespace {

using ::testing::HasSubstr;
using Mode = Wanted::Mode;

TEST(Userns, Modes) {
    EXPECT_EQ(*parse_userns("host"), (Wanted{Mode::host, 0}));
    EXPECT_EQ(*parse_userns("auto"), (Wanted{Mode::automatic, 0}));
    EXPECT_EQ(*parse_userns("auto:size=2000"), (Wanted{Mode::automatic, 2000}));
    for (const char* bad : {"autp", "auto:", "auto:size=", "auto:size=0", "auto:size=-1",
                            "auto:size=4194305", "auto:sise=3", "auto:size=1x"})
        EXPECT_EQ(parse_userns(bad).error().code(), Code::invalid_argument) << bad;
    for (const char* podmans :
         {"keep-id", "nomap", "private", "ns:/x", "container:y", "auto:uidmapping=0:1:2"})
        EXPECT_EQ(parse_userns(podmans).error().code(), Code::unsupported) << podmans;
}

TEST(Userns, MapsThatWereNamed) {
    auto same = parse_id_maps({"0:100000:2000"}, {});
    ASSERT_TRUE(same) << same.error().text();
    EXPECT_EQ(*same, (Wanted{Mode::automatic, 2000, Range{100000, 100000, 2000}}));
    EXPECT_EQ(parse_id_maps({}, {"0:7:9"})->named, (Range{7, 7, 9}));
    EXPECT_EQ(parse_id_maps({"0:1:1000"}, {"0:0:1000"})->named, (Range{1, 0, 1000}));
    EXPECT_EQ(parse_id_maps({"0:5"}, {})->named, (Range{5, 5, 1}));
    for (const char* bad :
         {"", "0", "0:1:0", "0:1:x", "0:1:2:3", "0:-1:5", "0:4294967295:2", "0:0:4194305"})
        EXPECT_THAT(parse_id_maps({bad}, {}).error().text(), HasSubstr("CONTAINER:HOST:SIZE"))
            << bad;
    EXPECT_EQ(parse_id_maps({"1:100000:5"}, {}).error().code(), Code::unsupported);
    EXPECT_EQ(parse_id_maps({"0:1:5", "5:100:5"}, {}).error().code(), Code::unsupported);
    EXPECT_EQ(parse_id_maps({"0:1:5"}, {"0:1:6"}).error().code(), Code::unsupported);
}

TEST(IdPool, TheSettingComesFirst) {
    auto pool = choose_pool("3000000:2048", "crank:100000:65536\n", "crank:100000:65536\n");
    ASSERT_TRUE(pool) << pool.error().text();
    EXPECT_EQ(pool->uid, 3000000u);
    EXPECT_EQ(pool->unit, 1024u);
    EXPECT_EQ(pool->blocks, 2u);
    for (const char* bad : {"0:65536", "x", "1:2:3", "100000", "100000:100", "4294967000:65536"})
        EXPECT_THAT(choose_pool(bad, "", "").error().text(), HasSubstr("START:COUNT")) << bad;
}

TEST(IdPool, TheFilesEntryOfCrankBeforePodmans) {
    const char* uids =
        "joe:100000:65536\ncontainers:2147483647:2147483648\ncrank:1000000:2097152\n";
    auto pool = choose_pool("", uids, uids);
    ASSERT_TRUE(pool) << pool.error().text();
    EXPECT_EQ(pool->uid, 1000000u);
    EXPECT_EQ(pool->blocks, 32u);
    EXPECT_FALSE(pool->from_end);
    EXPECT_EQ(pool->range_at(1, 65536), (Range{1065536, 1065536, 65536}));
}

TEST(IdPool, OfPodmansTheEndIsTaken) {
    const char* uids = "containers:1000000:2097152\n";
    auto pool = choose_pool("", uids, "containers:5000000:2097152\n");
    ASSERT_TRUE(pool) << pool.error().text();
    EXPECT_EQ(pool->range_at(0, 65536), (Range{1000000 + 31 * 65536, 5000000 + 31 * 65536, 65536}));
    EXPECT_EQ(pool->range_at(30, 131072), (Range{1000000, 5000000, 131072}));
}

TEST(IdPool, CranksOwnIsNobodyElses) {
    auto pool = choose_pool("", "joe:100000:65536\n", "");
    ASSERT_TRUE(pool) << pool.error().text();
    EXPECT_EQ(pool->uid, 2013265920u);
    EXPECT_EQ(pool->range_at(pool->blocks - 1, 65536).uid + 65535, 2147352575u);
    auto taken = choose_pool("", "joe:2013265920:65536\n", "");
    ASSERT_FALSE(taken);
    EXPECT_THAT(taken.error().text(), HasSubstr("are joe's in /etc/subuid"));
}

TEST(IdPool, WhatReachesBeyondTheLastIdIsCut) {
    const char* podmans_manual = "containers:2147483647:2147483648\n";
    auto pool = choose_pool("", podmans_manual, podmans_manual);
    ASSERT_TRUE(pool) << pool.error().text();
    EXPECT_LE(std::uint64_t{pool->range_at(0, 65536).uid} + 65536, 0xffffffffu);
}

TEST(IdPool, WhatItMeets) {
    Pool pool{.uid = 1000, .gid = 5000, .unit = 10, .blocks = 10};
    EXPECT_TRUE(pool.meets({1099, 0, 1}));
    EXPECT_TRUE(pool.meets({0, 4990, 11}));
    EXPECT_TRUE(pool.meets({0, 0, 2000}));
    EXPECT_FALSE(pool.meets({1100, 4990, 10}));
    EXPECT_FALSE(pool.meets({990, 5100, 10}));
}

}  // namespace
}  // namespace crank::engine::ids
