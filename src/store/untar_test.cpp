#include "store/untar.h"

#include <gtest/gtest.h>

#include "store/tar_format.h"
#include "store/tree_tar.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::store {
namespace {

class UntarTest : public testing::Test {
protected:
    void SetUp() override {
        dir_ = *sys::make_temp_dir("/tmp/crank-untar.");
        ASSERT_TRUE(sys::make_dirs(dir_ + "/root/in"));
        ASSERT_TRUE(sys::make_dirs(dir_ + "/outside"));
        root_ = *sys::open_dir(dir_ + "/root");
    }
    void TearDown() override { (void)sys::remove_tree(dir_); }

    Result<std::int64_t> untar(const std::vector<TarEntry>& entries) {
        std::string tar;
        for (const TarEntry& entry : entries) {
            tar += encode_header(entry);
            tar.append(static_cast<std::size_t>(entry.size), 'x');
            tar.append(static_cast<std::size_t>(tar_padding(entry.size)), '\0');
        }
        tar.append(1024, '\0');
        TRY(sys::write_file_atomic(dir_ + "/archive", tar, 0600, sys::Sync::no));
        sys::UniqueFd file = TRY(sys::open(dir_ + "/archive", sys::kReadOnly));
        return untar_into({.root = root_.get(),
                           .directory = "/in",
                           .uid = [](std::int64_t) { return sys::effective_uid(); },
                           .gid = [](std::int64_t) { return sys::effective_gid(); },
                           .left_out = {}},
                          file.get(), "archive");
    }
    static TarEntry file(const std::string& path) {
        TarEntry entry;
        entry.path = path;
        entry.mode = 0644;
        entry.size = 3;
        return entry;
    }
    static TarEntry link(const std::string& path, const std::string& target, TarKind kind) {
        TarEntry entry;
        entry.path = path;
        entry.kind = kind;
        entry.mode = 0777;
        entry.link = target;
        return entry;
    }
    bool exists(const std::string& path) const { return sys::exists(dir_ + "/" + path); }

    std::string dir_;
    sys::UniqueFd root_;
};

TEST_F(UntarTest, FilesAndTheirMissingDirectories) {
    EXPECT_EQ(*untar({file("a/b/c"), file("d")}), 6);
    EXPECT_TRUE(exists("root/in/a/b/c"));
    EXPECT_TRUE(exists("root/in/d"));
}

TEST_F(UntarTest, StaysInTheRootWhateverLinksSay) {
    // Of the archive, and one that stands there already.
    ASSERT_TRUE(sys::make_symlink(dir_ + "/outside", dir_ + "/root/in/there"));
    (void)untar({link("way", dir_ + "/outside", TarKind::symlink), file("way/one")});
    (void)untar({file("there/two")});
    (void)untar({link("up", "../../outside", TarKind::symlink), file("up/three")});
    EXPECT_TRUE(sys::list_dir(dir_ + "/outside")->empty());
}

TEST_F(UntarTest, NamesThatLeadOutAreRefused) {
    Result<std::int64_t> done = untar({file("../../outside/x")});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Code::corrupt);
    EXPECT_NE(done.error().text().find("leads out"), std::string::npos);
    EXPECT_FALSE(untar({link("hard", "../../outside/x", TarKind::hard_link)}));
}

TEST_F(UntarTest, ALinkIsReplacedAndNotWrittenThrough) {
    ASSERT_TRUE(sys::write_file_atomic(dir_ + "/root/kept", "kept", 0600, sys::Sync::no));
    ASSERT_TRUE(sys::make_symlink("../kept", dir_ + "/root/in/file"));
    ASSERT_TRUE(untar({file("file")}));
    EXPECT_EQ(*sys::read_file(dir_ + "/root/kept"), "kept");
    EXPECT_EQ(*sys::read_file(dir_ + "/root/in/file"), "xxx");
}

TEST_F(UntarTest, ADirectoryTakesNoFilesPlaceNorTheReverse) {
    ASSERT_TRUE(untar({file("file"), file("dir/below")}));
    TarEntry dir;
    dir.path = "file/";
    dir.kind = TarKind::dir;
    dir.mode = 0755;
    EXPECT_EQ(untar({dir}).error().code(), Code::already_exists);
    EXPECT_EQ(untar({file("dir")}).error().code(), Code::already_exists);
    EXPECT_TRUE(exists("root/in/dir/below"));
}

TEST_F(UntarTest, WhatATreesTarHoldsComesBack) {
    ASSERT_TRUE(untar({file("tree/a"), link("tree/hard", "tree/a", TarKind::hard_link),
                       link("tree/soft", "a", TarKind::symlink)}));
    std::string tar;
    {
        auto entry = *sys::open_entry(sys::open_dir(dir_ + "/root/in")->get(), "tree");
        TreeTarRequest request{
            .entry = entry->get(), .name = "copy", .uid = {}, .gid = {}, .left_out = {}};
        auto bytes = write_tree_tar(request, [&](std::span<const std::uint8_t> block) -> Result<> {
            tar.append(block.begin(), block.end());
            return {};
        });
        EXPECT_EQ(*bytes, 3);
    }
    ASSERT_TRUE(sys::write_file_atomic(dir_ + "/archive", tar, 0600, sys::Sync::no));
    sys::UniqueFd file = *sys::open(dir_ + "/archive", sys::kReadOnly);
    ASSERT_TRUE(
        untar_into({.root = root_.get(), .directory = "/in", .uid = {}, .gid = {}, .left_out = {}},
                   file.get(), "archive"));
    EXPECT_EQ(*sys::read_file(dir_ + "/root/in/copy/hard"), "xxx");
    EXPECT_EQ(*sys::read_link(dir_ + "/root/in/copy/soft"), "a");
}

}  // namespace
}  // namespace crank::store
