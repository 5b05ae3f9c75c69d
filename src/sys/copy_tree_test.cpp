#include "sys/copy_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sys/attributes.h"
#include "sys/file.h"

namespace crank::sys {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class CopyTree : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "copy.XXXXXX";
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        dir_ = pattern;
        fs::create_directories(dir_ + "/from/a/b");
        fs::create_directory(dir_ + "/to");
    }
    void TearDown() override { fs::remove_all(dir_); }
    Result<> copy() {
        return copy_tree(open_dir(dir_ + "/from")->get(), open_dir(dir_ + "/to")->get());
    }

    std::string dir_;
};

TEST_F(CopyTree, KeepsWhatFilesCarry) {
    std::string from = dir_ + "/from";
    std::ofstream(from + "/a/file") << std::string(300'000, 'x');
    ASSERT_EQ(link((from + "/a/file").c_str(), (from + "/same").c_str()), 0);
    ASSERT_EQ(symlink("/etc/passwd", (from + "/link").c_str()), 0);
    ASSERT_EQ(mkfifo((from + "/pipe").c_str(), 0600), 0);
    ASSERT_EQ(chmod((from + "/a/file").c_str(), 04755), 0);
    ASSERT_EQ(chmod((from + "/a").c_str(), 01777), 0);
    bool root = geteuid() == 0;
    if (root) {
        ASSERT_EQ(chown((from + "/a/b").c_str(), 1000, 44), 0);
    }
    auto top = open_dir(from).value();
    ASSERT_TRUE(set_mtime_at(top.get(), "same", 1'000'000, 5));
    ASSERT_EQ(chmod(from.c_str(), 0711), 0);
    ASSERT_TRUE(copy());

    auto to = open_dir(dir_ + "/to").value();
    EXPECT_THAT(list_at(to.get()).value(), ElementsAre("a", "link", "pipe", "same"));
    Attributes file = attributes_at(to.get(), "same").value();
    EXPECT_EQ(file.size, 300'000);
    EXPECT_EQ(file.mode & 07777, 04755u);
    EXPECT_EQ(file.mtime, 1'000'000);
    EXPECT_EQ(file.links, 2u) << "one file of two names";
    EXPECT_EQ(read_link_at(to.get(), "link").value(), "/etc/passwd");
    EXPECT_TRUE(attributes_at(to.get(), "pipe")->is_fifo());
    EXPECT_EQ(attributes_at(to.get(), "a")->mode & 07777, 01777u);
    EXPECT_EQ(attributes_at(to.get(), "")->mode & 07777, 0711u);
    if (root) {
        auto inner = open_dir(dir_ + "/to/a").value();
        EXPECT_EQ(attributes_at(inner.get(), "b")->uid, 1000u);
        EXPECT_EQ(attributes_at(inner.get(), "b")->gid, 44u);
    }
}

TEST_F(CopyTree, LeavesSocketsOut) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string path = dir_ + "/from/s";
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, path.size());
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(fd);
    ASSERT_TRUE(copy());
    EXPECT_THAT(list_dir(dir_ + "/to").value(), ElementsAre("a"));
}

TEST_F(CopyTree, NamesWhatCannotBeCopied) {
    std::ofstream(dir_ + "/from/a/file") << "x";
    fs::create_directories(dir_ + "/to/a");
    auto copied = copy();
    ASSERT_FALSE(copied);
    EXPECT_THAT(copied.error().text(), ::testing::HasSubstr("copying a: "));
}

}  // namespace
}  // namespace crank::sys
