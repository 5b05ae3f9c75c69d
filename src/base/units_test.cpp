#include "base/units.h"

#include <gtest/gtest.h>

namespace crank {
namespace {

using namespace std::chrono_literals;

TEST(Units, SizesAreBinaryMultiples) {
    EXPECT_EQ(parse_size("512m").value(), 536870912);
    EXPECT_EQ(parse_size("2g").value(), 2147483648);
    EXPECT_EQ(parse_size("1.5GiB").value(), 1610612736);
    EXPECT_EQ(parse_size("64MB").value(), 67108864);
    EXPECT_EQ(parse_size("1024").value(), 1024);
    EXPECT_EQ(parse_size("7b").value(), 7);
}

TEST(Units, MalformedSizesAreNamed) {
    for (const char* text : {"", "m", "12x", "-1m", "1..5g", "9999999999999999999", "99999999p"}) {
        auto result = parse_size(text);
        ASSERT_FALSE(result.has_value()) << text;
        EXPECT_NE(result.error().text().find(std::string("invalid size '") + text + "'"),
                  std::string::npos);
        EXPECT_FALSE(result.error().hint().empty());
    }
}

TEST(Units, Durations) {
    EXPECT_EQ(parse_duration("1m30s").value(), 90s);
    EXPECT_EQ(parse_duration("500ms").value(), 500ms);
    EXPECT_EQ(parse_duration("1.5h").value(), 90min);
    EXPECT_EQ(parse_duration("0.1s").value(), 100ms);
    EXPECT_EQ(parse_duration("0").value(), 0s);
    for (const char* text : {"", "5", "s", "5x", "-1s", "1s2", "9999999h"})
        EXPECT_FALSE(parse_duration(text).has_value()) << text;
}

TEST(Units, Cpus) {
    EXPECT_EQ(parse_cpus("0.5").value(), 500'000'000);
    EXPECT_EQ(parse_cpus("2").value(), 2'000'000'000);
    for (const char* text : {"", "0", "-1", "x", "1c", "0.0001"})
        EXPECT_FALSE(parse_cpus(text).has_value()) << text;
}

TEST(Units, Formatting) {
    EXPECT_EQ(format_size(0), "0B");
    EXPECT_EQ(format_size(142'000'000), "142MB");
    EXPECT_EQ(format_size(1'230'000), "1.23MB");
    EXPECT_EQ(format_size_binary(67108864), "64MiB");
    EXPECT_EQ(format_age(0s), "Less than a second");
    EXPECT_EQ(format_age(75s), "About a minute");
    EXPECT_EQ(format_age(150s), "2 minutes");
    EXPECT_EQ(format_age(49h), "2 days");
    EXPECT_EQ(format_duration(90s), "1m30s");
    EXPECT_EQ(format_duration(500ms), "500ms");
    EXPECT_EQ(format_duration(30s), "30s");
    EXPECT_EQ(format_time(std::chrono::system_clock::time_point{} + 1s + 5ns),
              "1970-01-01T00:00:01.000000005Z");
}

}  // namespace
}  // namespace crank
