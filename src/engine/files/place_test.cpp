#include "engine/files/place.h"

#include <gtest/gtest.h>

#include "sys/attributes.h"
#include "sys/file.h"
#include "sys/stream.h"

namespace crank::engine::files {
namespace {

class Place : public testing::Test {
protected:
    void SetUp() override {
        dir_ = *sys::make_temp_dir("/tmp/crank-place.");
        ASSERT_TRUE(sys::make_dirs(dir_ + "/root/dir/below"));
        ASSERT_TRUE(sys::make_dirs(dir_ + "/outside"));
        ASSERT_TRUE(sys::write_file_atomic(dir_ + "/root/file", "x", 0600, sys::Sync::no));
        ASSERT_TRUE(sys::write_file_atomic(dir_ + "/outside/secret", "x", 0600, sys::Sync::no));
        root_ = *sys::open_dir(dir_ + "/root");
    }
    void TearDown() override { (void)sys::remove_tree(dir_); }

    Result<Source> source(const std::string& path, bool follow = false) {
        return find_source(root_.get(), path, follow, path);
    }
    Result<Destination> destination(const std::string& path, const std::string& from) {
        return find_destination(root_.get(), path, *source(from), path);
    }
    void link(const std::string& target, const std::string& name) {
        ASSERT_TRUE(sys::make_symlink(target, dir_ + "/root/" + name));
    }

    std::string dir_;
    sys::UniqueFd root_;
};

TEST_F(Place, ASourceAndWhatOfIt) {
    EXPECT_EQ(source("/file")->name, "file");
    EXPECT_TRUE(source("/dir")->directory);
    EXPECT_FALSE(source("/dir")->contents);
    EXPECT_FALSE(source("/dir/")->contents);
    EXPECT_TRUE(source("/dir/.")->contents);
    EXPECT_TRUE(source("/")->contents);
    EXPECT_TRUE(source("/dir/..")->contents);
    EXPECT_EQ(source("/none").error().code(), Code::not_found);
    EXPECT_EQ(source("/file/").error().code(), Code::not_found);
    EXPECT_EQ(source("/file/below").error().code(), Code::not_found);
}

TEST_F(Place, ADestinationByDockersRules) {
    EXPECT_EQ(destination("/new", "/file")->name, "new");
    EXPECT_EQ(destination("/dir", "/file")->name, "file");
    EXPECT_EQ(destination("/dir/", "/file")->name, "file");
    EXPECT_EQ(destination("/dir/below", "/dir")->name, "dir");
    EXPECT_EQ(destination("/dir", "/dir/.")->name, "");
    EXPECT_EQ(destination("/new", "/dir/.")->name, "new");
    EXPECT_EQ(destination("/new/", "/dir")->name, "new");
    EXPECT_EQ(destination("/new/", "/file").error().code(), Code::not_found);
    EXPECT_EQ(destination("/none/new", "/file").error().code(), Code::not_found);
    EXPECT_EQ(destination("/file", "/dir").error().code(), Code::already_exists);
    EXPECT_EQ(destination("/file/", "/file").error().code(), Code::failed_precondition);
    EXPECT_EQ(destination("/file/x", "/file").error().code(), Code::failed_precondition);
}

TEST_F(Place, LinksAreFollowedInTheRoot) {
    link("dir/new", "dangling");
    link("/../../outside", "absolute");
    link("../../outside/secret", "up");
    link("round", "round");
    EXPECT_EQ(destination("/dangling", "/file")->name, "new");
    // As a process would see it whose root this is: there is nothing of the sort.
    EXPECT_EQ(source("/absolute/secret").error().code(), Code::not_found);
    EXPECT_EQ(source("/up", true).error().code(), Code::not_found);
    EXPECT_EQ(source("/up")->name, "up");
    EXPECT_EQ(destination("/up", "/file").error().code(), Code::not_found);
    EXPECT_FALSE(destination("/round", "/file"));
}

TEST_F(Place, ADeviceOrAFifoIsNoDestination) {
    ASSERT_TRUE(sys::make_node_at(root_.get(), "fifo", S_IFIFO | 0600, 0, 0));
    link("fifo", "link");
    for (const char* path : {"/fifo", "/link", "/fifo/."})
        EXPECT_EQ(destination(path, "/file").error().code(), Code::failed_precondition) << path;
    EXPECT_TRUE(destination("/fifo", "/file")
                    .error()
                    .text()
                    .ends_with("must be a directory or a regular file"));
}

}  // namespace
}  // namespace crank::engine::files
