#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "sys/entry.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/system.h"

namespace crank::sys {
namespace {

class RemoveTreeTest : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = *make_temp_dir("/tmp/crank-remove-test.");
        ASSERT_TRUE(make_dirs(root_ + "/tree/a"));
        ASSERT_TRUE(make_dirs(root_ + "/tree/mounted"));
        ASSERT_TRUE(make_dirs(root_ + "/theirs"));
        write("/tree/a/file");
        write("/tree/z");
        write("/theirs/kept");
        dir_ = *open_dir(root_);
    }
    void TearDown() override { EXPECT_TRUE(remove_tree(root_)); }
    void write(const std::string& path) {
        ASSERT_TRUE(write_file_atomic(root_ + path, "x", 0600, Sync::no));
    }
    bool there(const std::string& path) const { return exists(root_ + path); }

    // In a mount namespace of its own, in which directories must be opened: 0 where `body` is true.
    static int apart(const std::function<bool()>& body) {
        pid_t pid = ::fork();
        if (pid == 0) {
            bool own = ::unshare(CLONE_NEWNS) == 0 &&
                       ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
            ::_exit(own ? (body() ? 0 : 1) : 2);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        return status;
    }
    bool bind(const std::string& from, const std::string& to) const {
        return ::mount((root_ + from).c_str(), (root_ + to).c_str(), nullptr, MS_BIND, nullptr) ==
               0;
    }

    std::string root_;
    UniqueFd dir_;
};

TEST_F(RemoveTreeTest, ABindMountOfTheSameFileSystemIsLeftAlone) {
    if (effective_uid() != 0) GTEST_SKIP() << "mounts: needs root";
    EXPECT_EQ(apart([&] {
                  if (!bind("/theirs", "/tree/mounted")) return false;
                  auto removed = remove_entry(open_dir(root_)->get(), "tree");
                  return !removed && removed.error().code() == Code::in_use && there("/tree/z") &&
                         there("/tree/a/file") && there("/theirs/kept");
              }),
              0);
    EXPECT_EQ(apart([&] {
                  if (!bind("/theirs", "/tree/mounted")) return false;
                  auto removed = remove_tree(root_ + "/tree");
                  return !removed && removed.error().code() == Code::in_use &&
                         there("/theirs/kept");
              }),
              0);
}

TEST_F(RemoveTreeTest, AMountOnAFileIsFoundBeforeAnythingIsRemoved) {
    if (effective_uid() != 0) GTEST_SKIP() << "mounts: needs root";
    EXPECT_EQ(apart([&] {
                  if (!bind("/theirs/kept", "/tree/z")) return false;
                  auto removed = remove_entry(open_dir(root_)->get(), "tree");
                  return !removed && removed.error().code() == Code::in_use &&
                         there("/tree/a/file");
              }),
              0);
}

TEST_F(RemoveTreeTest, WhatHoldsTheKeptIsNotRemoved) {
    FileInfo kept = *stat(root_ + "/tree/a/file");
    auto removed = remove_entry(dir_.get(), "tree", FileId{kept.device, kept.inode});
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code(), Code::invalid_argument);
    EXPECT_TRUE(there("/tree/z"));
    EXPECT_TRUE(remove_entry(dir_.get(), "tree"));
    EXPECT_FALSE(there("/tree"));
}

}  // namespace
}  // namespace crank::sys
