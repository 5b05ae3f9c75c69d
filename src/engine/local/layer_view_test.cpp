#include "engine/local/layer_view.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace crank::engine::local {
namespace {

namespace fs = std::filesystem;

class LayerView : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = fs::temp_directory_path() / "crank-layers.XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        base_ = pattern;
        for (const char* layer : {"top", "bottom"}) fs::create_directory(base_ / layer);
    }
    void TearDown() override { fs::remove_all(base_); }

    void write(const std::string& path, const std::string& text) {
        fs::create_directories((base_ / path).parent_path());
        std::ofstream(base_ / path) << text;
    }
    std::string read(const std::string& path, std::size_t limit = 1000) {
        auto text = read_in_layers({base_.string(), {"top", "bottom"}}, path, limit);
        return text ? *text : "error: " + text.error().text();
    }
    // 0:0 character devices need rights that a test may not have.
    bool whiteout(const std::string& path) {
        fs::create_directories((base_ / path).parent_path());
        return mknod((base_ / path).c_str(), S_IFCHR | 0600, makedev(0, 0)) == 0;
    }

    fs::path base_;
};

TEST_F(LayerView, UpperLayersHideLowerOnes) {
    write("bottom/etc/passwd", "low");
    EXPECT_EQ(read("/etc/passwd"), "low");
    write("top/etc/passwd", "high");
    EXPECT_EQ(read("/etc/passwd"), "high");
}

TEST_F(LayerView, MissingFilesAndDirectories) {
    write("bottom/etc/passwd", "low");
    EXPECT_EQ(read("/etc/shadow"), "error: no file /etc/shadow");
    EXPECT_EQ(read("/etc"), "error: /etc is a directory");
    EXPECT_EQ(read("/etc/passwd/x"), "error: no file /etc/passwd/x");
    EXPECT_EQ(read("/"), "error: / is a directory");
}

TEST_F(LayerView, WhiteoutsHide) {
    write("bottom/etc/passwd", "low");
    if (!whiteout("top/etc/passwd")) GTEST_SKIP() << "this user cannot make device nodes";
    EXPECT_EQ(read("/etc/passwd"), "error: no file /etc/passwd");
}

TEST_F(LayerView, AnOpaqueDirectoryHidesWhatIsBelowIt) {
    write("bottom/etc/passwd", "low");
    write("top/etc/other", "x");
    if (setxattr((base_ / "top/etc").c_str(), "user.overlay.opaque", "y", 1, 0) != 0)
        GTEST_SKIP() << "this file system has no user attributes";
    EXPECT_EQ(read("/etc/passwd"), "error: no file /etc/passwd");
    EXPECT_EQ(read("/etc/other"), "x");
}

TEST_F(LayerView, AFileHidesADirectoryBelowAndTheOtherWayRound) {
    write("bottom/a/x", "below");
    write("top/a", "file");
    EXPECT_EQ(read("/a/x"), "error: no file /a/x");
    write("bottom/b", "file");
    write("top/b/x", "above");
    EXPECT_EQ(read("/b/x"), "above");
}

TEST_F(LayerView, LinksStayInside) {
    write("bottom/usr/etc/passwd", "usr");
    fs::create_directory_symlink("../../../../usr/etc", base_ / "top/etc");
    EXPECT_EQ(read("/etc/passwd"), "usr");
    fs::remove(base_ / "top/etc");
    // The host has an /etc/hostname; the image has none.
    fs::create_directory_symlink("/etc", base_ / "top/link");
    EXPECT_EQ(read("/link/hostname"), "error: no file /link/hostname");
    fs::create_symlink("/proc/self/environ", base_ / "top/env");
    EXPECT_EQ(read("/env"), "error: no file /env");
}

TEST_F(LayerView, ALinkCrossesLayers) {
    fs::create_symlink("/data/real", base_ / "top/name");
    write("bottom/data/real", "found");
    EXPECT_EQ(read("/name"), "found");
}

TEST_F(LayerView, LinksInACircleEnd) {
    fs::create_symlink("b", base_ / "top/a");
    fs::create_symlink("a", base_ / "top/b");
    EXPECT_EQ(read("/a"), "error: too many links in /a");
}

TEST_F(LayerView, WhatIsNoRegularFileIsNotOpened) {
    ASSERT_EQ(mkfifo((base_ / "top/pipe").c_str(), 0600), 0);
    EXPECT_EQ(read("/pipe"), "error: /pipe is not a regular file");
}

TEST_F(LayerView, LongFilesAreRefused) {
    write("top/long", std::string(2000, 'x'));
    EXPECT_TRUE(read("/long").starts_with("error: ")) << read("/long").substr(0, 40);
}

}  // namespace
}  // namespace crank::engine::local
