#include "engine/gpu/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine::gpu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

GpuRequest good(const std::string& text) {
    auto request = parse_gpus(text);
    EXPECT_TRUE(request) << (request ? "" : request.error().text());
    return request ? *request : GpuRequest{};
}
std::string why(const std::string& text) {
    auto request = parse_gpus(text);
    EXPECT_FALSE(request) << text;
    return request ? "" : request.error().text();
}

TEST(Gpus, AsDockerReadsThem) {
    EXPECT_TRUE(good("all").all());
    EXPECT_TRUE(good("-1").all());
    EXPECT_EQ(good("2").count, 2U);
    EXPECT_EQ(good("count=3").count, 3U);
    EXPECT_THAT(good("device=0").ids, ElementsAre("0"));
    EXPECT_THAT(good("\"device=0,2\"").ids, ElementsAre("0", "2"));
    EXPECT_THAT(good("device=GPU-5a8b7c1e").ids, ElementsAre("GPU-5a8b7c1e"));
    GpuRequest more = good("all,\"capabilities=compute,video\",driver=nvidia");
    EXPECT_TRUE(more.all());
    EXPECT_THAT(more.capabilities, ElementsAre("compute", "video"));
    EXPECT_EQ(more.vendor, "nvidia");
    EXPECT_TRUE(good("all,capabilities=gpu").capabilities.empty());
}

TEST(Gpus, WhatIsWrongIsNamed) {
    EXPECT_THAT(why(""), HasSubstr("a field is empty"));
    EXPECT_THAT(why("0"), HasSubstr("at least 1"));
    EXPECT_THAT(why("many"), HasSubstr("\"many\" is no number and not all"));
    EXPECT_THAT(why("device=0,1"), HasSubstr("several devices need quotes"));
    EXPECT_THAT(why("device="), HasSubstr("names no device"));
    EXPECT_THAT(why("\"device=0"), HasSubstr("a quote is not closed"));
    EXPECT_THAT(why("all,capabilities=dance"), HasSubstr("unknown capability \"dance\""));
    EXPECT_THAT(why("all,driver=voodoo"), HasSubstr("unknown driver"));
    EXPECT_THAT(why("all,colour=red"), HasSubstr("unknown field \"colour\""));
    EXPECT_THAT(why("1,device=0"), HasSubstr("not both"));
    EXPECT_THAT(why("1,2"), HasSubstr("given twice"));
    EXPECT_THAT(why("all,options=a"), HasSubstr("options= is not supported"));
}

TEST(PathDevices, Forms) {
    EXPECT_EQ(parse_device("/dev/fuse")->container, "/dev/fuse");
    EXPECT_EQ(parse_device("/dev/fuse:r")->permissions, "r");
    EXPECT_EQ(parse_device("/dev/a:/dev/b")->container, "/dev/b");
    auto all = parse_device("/dev/a:/dev/b:rw");
    ASSERT_TRUE(all);
    EXPECT_EQ(all->container + all->permissions, "/dev/brw");
    for (const char* bad : {"", "dev/a", "/dev/a:b", "/dev/a:/dev/b:x", "/dev/a:/dev/b:rwm:c",
                            "/dev/../a", "/dev/a:/", "/dev/a:/dev/b:"})
        EXPECT_FALSE(parse_device(bad)) << bad;
}

}  // namespace
}  // namespace crank::engine::gpu
