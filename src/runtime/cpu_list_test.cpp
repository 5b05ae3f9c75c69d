#include "runtime/cpu_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::runtime {
namespace {

TEST(CpuList, reads_numbers_and_ranges) {
    auto mask = parse_cpu_list("0-2,7,64", "f");
    ASSERT_TRUE(mask) << mask.error().text();
    EXPECT_EQ((*mask)[0], 0b1000'0111u);
    EXPECT_EQ((*mask)[1], 1u);
    EXPECT_EQ((*mask)[2], 0u);
    // as people write them
    EXPECT_EQ((*parse_cpu_list("0, 3-4", "f"))[0], 0b1'1001u);
    EXPECT_TRUE(parse_cpu_list("8191", "f"));
}

TEST(CpuList, refuses_what_is_none_and_names_the_field) {
    for (const char* text : {"", "x", "1-", "-1", "2-1", "1-2-3", "8192", "1,,2", "0x1"}) {
        auto mask = parse_cpu_list(text, "process.execCPUAffinity.final");
        ASSERT_FALSE(mask) << text;
        EXPECT_EQ(mask.error().code(), Code::invalid_argument);
        EXPECT_THAT(mask.error().text(),
                    testing::HasSubstr("process.execCPUAffinity.final: '" + std::string(text)));
    }
}

}  // namespace
}  // namespace crank::runtime
