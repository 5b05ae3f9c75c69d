#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/options.h"

namespace crank::engine {
namespace {

using ::testing::ElementsAre;

MountOf parsed(std::string_view text) {
    auto mount = parse_mount(text, "/here");
    EXPECT_TRUE(mount) << text << ": " << mount.error().text();
    return mount ? *mount : MountOf{};
}

std::string error_of(std::string_view text) {
    auto mount = parse_mount(text, "/here");
    return mount ? "no error" : mount.error().text();
}

TEST(MountFlag, Binds) {
    EXPECT_EQ(parsed("type=bind,source=/a,target=/b").bind, (BindMount{"/a", "/b"}));
    EXPECT_EQ(parsed("type=bind,src=./a,dst=/b/,ro").bind, (BindMount{"/here/a", "/b", true}));
    EXPECT_EQ(parsed("type=bind,src=/a,destination=/b,readonly=false,bind-propagation=rprivate,"
                     "consistency=cached")
                  .bind,
              (BindMount{"/a", "/b"}));
    EXPECT_FALSE(parsed("type=bind,src=/a,dst=/b,bind-nonrecursive").bind->recursive);
    EXPECT_FALSE(parsed("type=bind,src=/a,dst=/b,bind-recursive=disabled").bind->recursive);
    EXPECT_EQ(parsed(R"(type=bind,"src=/a,b",dst=/c)").bind, (BindMount{"/a,b", "/c"}));
}

TEST(MountFlag, VolumesAreTheDefault) {
    BindMount mount =
        *parsed("source=models,target=/b,volume-nocopy,volume-label=team=mail,volume-driver=local")
             .bind;
    EXPECT_EQ(mount.volume,
              (VolumeUse{.name = "models", .copy = false, .labels = {{"team", "mail"}}}));
    EXPECT_EQ(parsed("type=volume,dst=/b").bind->volume, VolumeUse{});
}

TEST(MountFlag, Tmpfs) {
    TmpfsMount mount = *parsed("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770,ro").tmpfs;
    EXPECT_EQ(mount.destination, "/t");
    EXPECT_THAT(mount.options, ElementsAre("size=1048576", "mode=1770", "ro"));
}

TEST(MountFlag, WhatIsWrongIsNamed) {
    for (auto [text, why] : std::initializer_list<std::pair<const char*, const char*>>{
             {"type=bind,src=/a", "target is missing"},
             {"type=bind,dst=/b", "source is missing"},
             {"type=bind,src=a,dst=/b", "the source of a bind mount is a path: ./a"},
             {"type=image,src=x,dst=/b", "type=image is not supported: bind, volume and tmpfs are"},
             {"type=disk,dst=/b", "unknown type \"disk\" (bind, volume, tmpfs)"},
             {"type=tmpfs,src=x,dst=/b", "a tmpfs has no source"},
             {"type=tmpfs,dst=/b,tmpfs-mode=9", "tmpfs-mode is octal: 1770, not \"9\""},
             {"type=bind,src=/a,dst=/b,volume-nocopy",
              "key \"volume-nocopy\" does not go with type=bind"},
             {"type=bind,src=/a,dst=/b,bind-propagation=rshared",
              "bind-propagation=rshared is not supported: what is mounted later on either side "
              "stays there"},
             {"type=volume,dst=/b,volume-driver=nfs",
              "volume-driver=nfs is not supported: volumes are local"},
             {"type=volume,dst=/b,volume-opt=type=nfs",
              "volume-opt is not supported: mount it on the host, and the directory with "
              "type=bind"},
             {"type=volume,dst=/b,volume-subpath=x",
              "volume-subpath is not supported: mount the whole volume"},
             {"type=volume,dst=/b,size=1", "unknown key \"size\""},
             {"type=volume,dst=/b,ro=maybe", "ro is true or false, not \"maybe\""},
             {"type=volume,dst=/b,size", "\"size\" is no key=value"},
             {"type=volume,src=-x,dst=/b",
              "invalid volume name \"-x\": 2 to 128 letters, digits, '_', '.' and '-', a letter or "
              "digit first"},
             {"type=volume,dst=b", "the path in the container must be absolute"},
             {"\"type=volume", "a quote is not closed"}}) {
        EXPECT_EQ(error_of(text), "--mount \"" + std::string(text) + "\": " + why);
    }
}

}  // namespace
}  // namespace crank::engine
