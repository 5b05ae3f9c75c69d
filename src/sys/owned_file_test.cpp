#include "sys/owned_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sys/file.h"

namespace crank::sys {
namespace {

class OwnedFile : public testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "crank-owned.XXXXXX";
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        path_ = pattern;
        dir_ = open_dir(path_).value();
        old_umask_ = ::umask(0077);
    }
    void TearDown() override {
        ::umask(old_umask_);
        EXPECT_TRUE(remove_tree(path_));
    }
    std::string path_;
    UniqueFd dir_;
    mode_t old_umask_ = 0;
};

TEST_F(OwnedFile, HasItsModeWhateverTheUmask) {
    ASSERT_TRUE(write_new_file_at(dir_.get(), "public", "x", 0444, std::nullopt));
    ASSERT_TRUE(write_new_file_at(dir_.get(), "secret", "y", 0400, std::nullopt));
    EXPECT_EQ(lstat(path_ + "/public")->mode & 07777U, 0444U);
    EXPECT_EQ(lstat(path_ + "/secret")->mode & 07777U, 0400U);
    EXPECT_EQ(read_file(path_ + "/secret").value(), "y");
}

TEST_F(OwnedFile, RefusesATakenName) {
    ASSERT_TRUE(make_symlink("/nonexistent/elsewhere", path_ + "/link"));
    for (const auto* content : {"a", "b"}) {
        auto done = write_new_file_at(dir_.get(), "link", content, 0400, std::nullopt);
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code(), Code::already_exists);
    }
}

TEST_F(OwnedFile, IsGivenAwayByRootAlone) {
    auto done = write_new_file_at(dir_.get(), "file", "x", 0400, Owner{4242, 4243});
    if (effective_uid() == 0) {
        ASSERT_TRUE(done) << done.error().text();
        EXPECT_EQ(lstat(path_ + "/file")->uid, 4242U);
        EXPECT_EQ(lstat(path_ + "/file")->gid, 4243U);
    } else {
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code(), Code::permission_denied);
    }
}

}  // namespace
}  // namespace crank::sys
