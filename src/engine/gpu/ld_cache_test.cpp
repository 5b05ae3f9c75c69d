#include "engine/gpu/ld_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/gpu/libraries.h"
#include "sys/file.h"

namespace crank::engine::gpu {
namespace {

using testing::HasSubstr;

TEST(LdCache, WhatIsWrittenIsRead) {
    LdCache cache{{{0x0303, 0, "libc.so.6", "/lib/libc.so.6"},
                   {0x0303, (std::uint64_t{1} << 62) | 1, "liba.so.1", "/lib/v3/liba.so.1"},
                   {0x0303, 0, "liba.so.1", "/lib/liba.so.1"}},
                  {"x86-64-v2", "x86-64-v3"}};
    std::string bytes = write_ld_cache(cache, {{0x0303, 0, "libcuda.so.1", "/gpu/libcuda.so.1"}});
    auto read = parse_ld_cache(bytes);
    ASSERT_TRUE(read) << read.error().text();
    ASSERT_EQ(read->entries.size(), 4U);
    EXPECT_EQ(read->entries[0].path, "/gpu/libcuda.so.1");
    EXPECT_EQ(read->entries[2].path, "/lib/v3/liba.so.1");
    EXPECT_EQ(read->hwcaps, cache.hwcaps);
    EXPECT_EQ(write_ld_cache(*read, {}), bytes);
}

TEST(LdCache, ADriversLibraryComesBeforeTheImages) {
    LdCache cache{{{0x0303, 0, "libcuda.so.1", "/usr/lib/libcuda.so.1"}}, {}};
    auto read = parse_ld_cache(write_ld_cache(cache, {{0x0303, 0, "libcuda.so.1", "/gpu/l"}}));
    ASSERT_EQ(read->entries.size(), 2U);
    EXPECT_EQ(read->entries[0].path, "/gpu/l");
}

TEST(LdCache, NamesAreOrderedAsGlibcDoes) {
    EXPECT_LT(compare_names("libc.so.6", "libc.so.10"), 0);
    EXPECT_GT(compare_names("libc.so.10", "libc.so.9"), 0);
    EXPECT_EQ(compare_names("libc.so.6", "libc.so.6"), 0);
    EXPECT_GT(compare_names("lib1", "liba"), 0);
    EXPECT_LT(compare_names("liba", "lib1"), 0);
    EXPECT_LT(compare_names("lib", "liba"), 0);
}

TEST(LdCache, TheHostsOwnIsReadAndKeepsItsOrder) {
    auto bytes = sys::read_file("/etc/ld.so.cache", kMaxLdCache);
    ASSERT_TRUE(bytes) << "this machine has no /etc/ld.so.cache";
    auto cache = parse_ld_cache(*bytes);
    ASSERT_TRUE(cache) << cache.error().text();
    EXPECT_GT(cache->entries.size(), 10U);
    auto again = parse_ld_cache(write_ld_cache(*cache, {}));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->entries, cache->entries);
}

TEST(LdCache, DamageIsAnError) {
    std::string bytes = write_ld_cache({{{0x0303, 0, "liba.so.1", "/lib/liba.so.1"}}, {}}, {});
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(parse_ld_cache(bytes.substr(0, size))) << size;
    bytes[20] = '\x7f';
    bytes[22] = '\x7f';
    EXPECT_EQ(parse_ld_cache(bytes).error().code(), Code::corrupt);
    // A container without its image's libraries in the cache still finds the driver's.
    auto merged = parse_ld_cache(merged_cache("garbage", {{0x0303, 0, "libx.so.1", "/gpu/x"}}));
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->entries.size(), 1U);
}

TEST(Cuda, AnOldDriverIsTold) {
    EXPECT_EQ(cuda_of_driver("550.54.14"), "12.4");
    EXPECT_EQ(cuda_of_driver("470.256.02"), "11.4");
    EXPECT_EQ(cuda_of_driver(""), "");
    std::vector<std::string> env{"A=b", "NVIDIA_REQUIRE_CUDA=cuda>=12.4 brand=tesla,driver>=470"};
    EXPECT_THAT(
        warn_of_old_driver(env, "470.256.02"),
        HasSubstr("wants CUDA 12.4 (NVIDIA_REQUIRE_CUDA), and the driver 470.256.02 has 11.4"));
    EXPECT_EQ(warn_of_old_driver(env, "525.60"), "");
    EXPECT_EQ(warn_of_old_driver(env, "999.1"), "");
    EXPECT_EQ(warn_of_old_driver({"NVIDIA_REQUIRE_CUDA=cuda>="}, "470.1"), "");
    EXPECT_EQ(warn_of_old_driver({"NVIDIA_REQUIRE_CUDA="}, "470.1"), "");
}

}  // namespace
}  // namespace crank::engine::gpu
