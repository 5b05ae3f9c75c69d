#include "sys/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/stream.h"

namespace crank::sys {
namespace {

class FileTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/crank-file-test-XXXXXX";
        ASSERT_NE(::mkdtemp(name), nullptr);
        root_ = name;
    }
    void TearDown() override { EXPECT_TRUE(remove_tree(root_).has_value()); }
    std::string root_;
};

TEST_F(FileTest, AtomicWriteReplacesAndLeavesNothing) {
    ASSERT_TRUE(write_file_atomic(root_ + "/a", "one", 0600, Sync::no));
    ASSERT_TRUE(write_file_atomic(root_ + "/a", "two", 0640, Sync::yes));
    EXPECT_EQ(read_file(root_ + "/a").value(), "two");
    EXPECT_EQ(stat(root_ + "/a").value().mode & 07777, 0640u);
    EXPECT_EQ(list_dir(root_).value(), std::vector<std::string>{"a"});
}

TEST_F(FileTest, ErrorsNameThePath) {
    auto missing = read_file(root_ + "/none");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code(), Code::not_found);
    EXPECT_EQ(missing.error().text(), "open " + root_ + "/none: No such file or directory");
    auto full = write_all(open("/dev/full", O_WRONLY).value().get(), "x", "/dev/full");
    ASSERT_FALSE(full);
    EXPECT_EQ(full.error().code(), Code::exhausted);
}

TEST_F(FileTest, ACopyEndsWhereItWasToldHoweverMuchThereIs) {
    std::vector<std::uint8_t> buffer(4096);
    UniqueFd endless = open("/dev/zero", O_RDONLY).value();
    UniqueFd to = open(root_ + "/copy", O_WRONLY | O_CREAT, 0600).value();
    EXPECT_EQ(copy_bytes(endless.get(), to.get(), 10'000, buffer, "zero").value(), 10'000);
    EXPECT_EQ(stat(root_ + "/copy").value().size, 10'000);
    ASSERT_TRUE(write_file_atomic(root_ + "/short", "abc", 0600, Sync::no));
    UniqueFd ends = open(root_ + "/short", O_RDONLY).value();
    EXPECT_EQ(copy_bytes(ends.get(), to.get(), 10'000, buffer, "short").value(), 3);
}

TEST_F(FileTest, OpenInRootNeverLeavesTheRoot) {
    ASSERT_TRUE(make_dirs(root_ + "/r/etc"));
    ASSERT_TRUE(write_file_atomic(root_ + "/r/etc/hostname", "inside", 0600, Sync::no));
    ASSERT_TRUE(write_file_atomic(root_ + "/hostname", "outside", 0600, Sync::no));
    ASSERT_TRUE(make_symlink("/etc", root_ + "/r/abs"));
    ASSERT_TRUE(make_symlink("../../..", root_ + "/r/up"));
    UniqueFd dir = open_dir(root_ + "/r").value();
    for (const char* path :
         {"abs/hostname", "up/etc/hostname", "../etc/hostname", "/etc/hostname"}) {
        auto fd = open_in_root(dir.get(), path, O_RDONLY);
        ASSERT_TRUE(fd) << path;
        EXPECT_EQ(read_all(fd->get(), 100, path).value(), "inside") << path;
    }
    EXPECT_FALSE(open_in_root(dir.get(), "../hostname", O_RDONLY));
    ASSERT_TRUE(make_dirs_in_root(dir.get(), "abs/x/y", 0755));
    EXPECT_TRUE(exists(root_ + "/r/etc/x/y"));
}

TEST_F(FileTest, RemoveTreeDoesNotFollowLinks) {
    ASSERT_TRUE(make_dirs(root_ + "/keep"));
    ASSERT_TRUE(write_file_atomic(root_ + "/keep/f", "x", 0600, Sync::no));
    ASSERT_TRUE(make_dirs(root_ + "/gone/deep"));
    ASSERT_TRUE(make_symlink(root_ + "/keep", root_ + "/gone/deep/link"));
    ASSERT_TRUE(remove_tree(root_ + "/gone"));
    EXPECT_FALSE(exists(root_ + "/gone"));
    EXPECT_TRUE(exists(root_ + "/keep/f"));
    EXPECT_TRUE(remove_tree(root_ + "/gone"));
}

TEST_F(FileTest, LocksExclude) {
    auto held = lock_file(root_ + "/lock", LockMode::exclusive);
    ASSERT_TRUE(held);
    auto second = try_lock_file(root_ + "/lock", LockMode::shared);
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->has_value());
    held->reset();
    EXPECT_TRUE(try_lock_file(root_ + "/lock", LockMode::shared).value().has_value());
}

TEST_F(FileTest, RenameNewRefusesToReplace) {
    ASSERT_TRUE(write_file_atomic(root_ + "/a", "a", 0600, Sync::no));
    ASSERT_TRUE(write_file_atomic(root_ + "/b", "b", 0600, Sync::no));
    auto result = rename_new(root_ + "/a", root_ + "/b");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::already_exists);
}

}  // namespace
}  // namespace crank::sys
