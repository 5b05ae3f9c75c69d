#include "dockerfile/mode.h"

#include <gtest/gtest.h>

namespace crank::dockerfile {
namespace {

std::uint32_t changed(const char* text, std::uint32_t mode, bool directory = false) {
    return ModeChange::parse(text).value().apply(mode, directory);
}

TEST(ModeChange, TakesOctalModes) {
    EXPECT_EQ(changed("0640", 0777), 0640U);
    EXPECT_EQ(changed("4755", 0), 04755U);
    EXPECT_EQ(ModeChange::parse("755")->absolute(), 0755U);
    EXPECT_EQ(ModeChange::parse("u+x")->absolute(), std::nullopt);
}

TEST(ModeChange, TakesWhatChmodTakes) {
    EXPECT_EQ(changed("u+x", 0644), 0744U);
    EXPECT_EQ(changed("+x", 0644), 0755U);
    EXPECT_EQ(changed("go-r,u+x", 0644), 0700U);
    EXPECT_EQ(changed("u=rwX,go=rX", 0644), 0644U);
    EXPECT_EQ(changed("u=rwX,go=rX", 0744), 0755U);
    EXPECT_EQ(changed("u=rwX,go=rX", 0600, true), 0755U);
    EXPECT_EQ(changed("g=u", 0740), 0770U);
    EXPECT_EQ(changed("a=", 0777), 0U);
    EXPECT_EQ(changed("u+s,+t", 0755), 05755U);
    EXPECT_EQ(changed("g+s", 0755), 02755U);
    EXPECT_EQ(changed("u=r+w-r", 0700), 0200U);
    EXPECT_EQ(changed("u-s", 04755), 0755U);
}

TEST(ModeChange, RefusesTheRest) {
    for (const char* text :
         {"", "8", "10000", "u", "x+u", "u+q", "u+x,", ",u+x", "u+gr", "755,u+x", "u*x"})
        EXPECT_FALSE(ModeChange::parse(text)) << text;
}

}  // namespace
}  // namespace crank::dockerfile
