#include "engine/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crank::engine {
namespace {

using ::testing::ElementsAre;

std::string volume_error(std::string_view text) {
    auto mount = parse_volume(text, "/here");
    return mount ? "no error" : mount.error().text();
}

TEST(Options, Volumes) {
    EXPECT_EQ(parse_volume("/a:/b", "/here").value(), (BindMount{"/a", "/b", false}));
    EXPECT_EQ(parse_volume("/a/../c/:/b//d/:ro", "/here").value(), (BindMount{"/c", "/b/d", true}));
    EXPECT_EQ(parse_volume("./x:/b:rw", "/here").value(), (BindMount{"/here/x", "/b", false}));
    EXPECT_EQ(parse_volume(".:/b", "/here").value(), (BindMount{"/here", "/b", false}));
    EXPECT_EQ(parse_volume("/a:/b:ro,Z,rprivate", "/here").value(), (BindMount{"/a", "/b", true}));
}

TEST(Options, VolumesByNameAndWithout) {
    BindMount named = parse_volume("models:/b:ro,nocopy", "/here").value();
    EXPECT_EQ(named.source, "");
    EXPECT_EQ(named.destination, "/b");
    EXPECT_TRUE(named.read_only);
    EXPECT_EQ(named.volume, (VolumeUse{.name = "models", .copy = false}));
    BindMount anonymous = parse_volume("/b/", "/here").value();
    EXPECT_EQ(anonymous.destination, "/b");
    EXPECT_EQ(anonymous.volume, VolumeUse{});
    EXPECT_EQ(parse_volumes_from("other:ro").value(), (VolumesFrom{"other", true}));
    EXPECT_EQ(parse_volumes_from("other").value(), (VolumesFrom{"other", false}));
    EXPECT_EQ(parse_volumes_from("other:rx").error().text(),
              "--volumes-from \"other:rx\": unknown mode \"rx\"");
}

TEST(Options, BadVolumes) {
    EXPECT_EQ(
        volume_error("-a:/b"),
        "--volume \"-a:/b\": invalid volume name \"-a\": 2 to 128 letters, digits, '_', '.' and "
        "'-', a letter or digit first");
    EXPECT_EQ(
        volume_error("/a:/b:nocopy"),
        "--volume \"/a:/b:nocopy\": option \"nocopy\" is for volumes, and this is a directory "
        "of the host");
    EXPECT_EQ(volume_error("/a:b"),
              "--volume \"/a:b\": the path in the container must be absolute");
    EXPECT_EQ(volume_error("/a:/"), "--volume \"/a:/\": the destination cannot be /");
    EXPECT_EQ(volume_error("/a:/b:rw:x"), "--volume \"/a:/b:rw:x\": wanted HOST:CONTAINER[:ro]");
    EXPECT_EQ(volume_error(":/b"), "--volume \":/b\": wanted HOST:CONTAINER[:ro]");
    EXPECT_EQ(volume_error("/a:/b:rx"),
              "--volume \"/a:/b:rx\": option \"rx\" is unknown (ro, rw, noexec, nosuid, nodev, "
              "noidmap, nocopy)");
    EXPECT_EQ(volume_error("/a:/b:shared"),
              "--volume \"/a:/b:shared\": option \"shared\" is not supported yet");
}

TEST(Options, Tmpfs) {
    TmpfsMount mount = parse_tmpfs("/run:size=64m,mode=1777,exec").value();
    EXPECT_EQ(mount.destination, "/run");
    EXPECT_THAT(mount.options, ElementsAre("size=64m", "mode=1777", "exec"));
    EXPECT_EQ(parse_tmpfs("run").error().text(),
              "--tmpfs \"run\": the path in the container must be absolute");
    EXPECT_EQ(parse_tmpfs("/run:size").error().text(),
              "--tmpfs \"/run:size\": unknown option \"size\"");
    EXPECT_EQ(parse_tmpfs("/run:lowerdir=/x").error().text(),
              "--tmpfs \"/run:lowerdir=/x\": unknown option \"lowerdir=/x\"");
}

TEST(Options, Environment) {
    std::vector<std::string> environment = {"A=1", "AB=2"};
    EXPECT_EQ(parse_env("X=y=z", environment).value(), "X=y=z");
    EXPECT_EQ(parse_env("A", environment).value(), "A=1");
    EXPECT_EQ(parse_env("C", environment).value(), "C");
    EXPECT_EQ(parse_env("=x", environment).error().text(), "--env \"=x\": a name is wanted");
}

TEST(Options, Names) {
    EXPECT_TRUE(check_name("quiet_crane-1.x"));
    for (std::string_view bad : {"", "a", "-a", ".a", "a/b", "a b", "../x", "ä1"})
        EXPECT_FALSE(check_name(bad)) << bad;
    EXPECT_FALSE(check_name(std::string(129, 'a')));
    EXPECT_TRUE(check_hostname("worker-1.internal"));
    for (std::string_view bad : {"", "-a", "a-", "a..b", "a b", "a/b"})
        EXPECT_FALSE(check_hostname(bad)) << bad;
    EXPECT_FALSE(check_hostname(std::string(65, 'a')));
}

TEST(Options, Networks) {
    EXPECT_EQ(parse_network("none").value(), NetworkMode::none);
    EXPECT_EQ(parse_network("").value(), NetworkMode::bridge);
    EXPECT_EQ(parse_network("mynet").error().text(), "no network \"mynet\"");
}

}  // namespace
}  // namespace crank::engine
