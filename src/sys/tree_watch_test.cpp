#include "sys/tree_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "sys/file.h"
#include "sys/stream.h"

namespace crank::sys {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class TreeWatchTest : public ::testing::Test {
protected:
    void SetUp() override {
        root_ = *make_temp_dir("/tmp/crank-watch-test.");
        ASSERT_TRUE(make_dirs(root_ + "/tree/a/b"));
        ASSERT_TRUE(make_dirs(root_ + "/tree/skipped"));
        ASSERT_TRUE(make_dirs(root_ + "/elsewhere/c"));
        save("/tree/a/file");
    }
    void TearDown() override { EXPECT_TRUE(remove_tree(root_)); }

    TreeWatch watch(const std::string& path) const {
        auto watch = TreeWatch::open(
            [skipped = root_ + "/tree/skipped"](const std::string& dir) { return dir != skipped; });
        EXPECT_TRUE(watch);
        Result<> added = watch->add(root_ + path);
        EXPECT_TRUE(added) << added.error().text();
        return std::move(*watch);
    }
    void save(const std::string& path, const std::string& text = "x") const {
        int fd = ::open((root_ + path).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ASSERT_GE(fd, 0) << path;
        ASSERT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        ::close(fd);
    }
    void move(const std::string& from, const std::string& to) const {
        ASSERT_TRUE(rename(root_ + from, root_ + to));
    }
    // Without the root.
    std::vector<std::string> heard(TreeWatch& watch) const {
        Result<Heard> heard = watch.take();
        EXPECT_TRUE(heard) << heard.error().text();
        std::vector<std::string> paths;
        for (const auto& [path, made] : heard->paths) paths.push_back(path.substr(root_.size()));
        return paths;
    }

    std::string root_;
};

TEST_F(TreeWatchTest, FilesAreHeardOfOnceTheyAreClosed) {
    TreeWatch watch = this->watch("/tree");
    EXPECT_THAT(heard(watch), IsEmpty());
    int fd = ::open((root_ + "/tree/a/file").c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_EQ(::write(fd, "yy", 2), 2);
    EXPECT_THAT(heard(watch), IsEmpty());
    ::close(fd);
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/a/file"));
    ASSERT_TRUE(read_file(root_ + "/tree/a/file"));
    EXPECT_THAT(heard(watch), IsEmpty());
    ASSERT_EQ(::chmod((root_ + "/tree/a/file").c_str(), 0755), 0);
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/a/file"));
    ASSERT_TRUE(remove_file(root_ + "/tree/a/file"));
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/a/file"));
}

TEST_F(TreeWatchTest, AFileThatTakesAnothersPlaceIsHeardOf) {
    TreeWatch watch = this->watch("/tree");
    save("/tree/a/new");
    move("/tree/a/new", "/tree/a/file");
    Result<Heard> heard = watch.take();
    ASSERT_TRUE(heard);
    EXPECT_TRUE(heard->paths.at(root_ + "/tree/a/new"));
    EXPECT_FALSE(heard->paths.at(root_ + "/tree/a/file"));
}

TEST_F(TreeWatchTest, DirectoriesThatComeAreWatchedWithWhatIsInThem) {
    TreeWatch watch = this->watch("/tree");
    ASSERT_TRUE(make_dirs(root_ + "/tree/new/deep"));
    save("/tree/new/deep/one");
    EXPECT_THAT(heard(watch),
                UnorderedElementsAre("/tree/new", "/tree/new/deep", "/tree/new/deep/one"));
    save("/tree/new/deep/two");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/new/deep/two"));
    save("/elsewhere/c/three");
    move("/elsewhere", "/tree/moved");
    EXPECT_THAT(heard(watch),
                UnorderedElementsAre("/tree/moved", "/tree/moved/c", "/tree/moved/c/three"));
    save("/tree/moved/c/three");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/moved/c/three"));
}

TEST_F(TreeWatchTest, DirectoriesThatGoAreForgotten) {
    TreeWatch watch = this->watch("/tree");
    move("/tree/a", "/elsewhere/a");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/a"));
    save("/elsewhere/a/b/unseen");
    EXPECT_THAT(heard(watch), IsEmpty());
    move("/elsewhere/a", "/tree/z");
    (void)heard(watch);
    save("/tree/z/b/seen");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/z/b/seen"));
    // Within the tree: by its new name.
    move("/tree/z", "/tree/y");
    (void)heard(watch);
    save("/tree/y/b/seen");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/y/b/seen"));
    ASSERT_TRUE(remove_tree(root_ + "/tree/y"));
    EXPECT_THAT(heard(watch), testing::Contains("/tree/y"));
}

TEST_F(TreeWatchTest, TheWholeTreeMayGoAndComeBack) {
    TreeWatch watch = this->watch("/tree");
    ASSERT_TRUE(remove_tree(root_ + "/tree"));
    EXPECT_THAT(heard(watch), testing::Contains("/tree"));
    ASSERT_TRUE(make_dirs(root_ + "/tree/again"));
    EXPECT_THAT(heard(watch), testing::Contains("/tree"));
    save("/tree/again/file");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/again/file"));
}

TEST_F(TreeWatchTest, OneFileIsWatchedByItsName) {
    TreeWatch watch = this->watch("/tree/a/file");
    save("/tree/a/other");
    save("/tree/a/b/other");
    EXPECT_THAT(heard(watch), IsEmpty());
    save("/tree/a/new");
    move("/tree/a/new", "/tree/a/file");
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/a/file"));
    TreeWatch missing = this->watch("/tree/not-there");
    save("/tree/not-there");
    EXPECT_THAT(heard(missing), UnorderedElementsAre("/tree/not-there"));
    Result<> nowhere = missing.add(root_ + "/no/where");
    ASSERT_FALSE(nowhere);
    EXPECT_EQ(nowhere.error().code(), Code::not_found);
}

TEST_F(TreeWatchTest, WhatDoesNotMatterIsNotWatched) {
    TreeWatch watch = this->watch("/tree");
    save("/tree/skipped/file");
    EXPECT_THAT(heard(watch), IsEmpty());
}

TEST_F(TreeWatchTest, LinksAreHeardOfAndNotFollowed) {
    TreeWatch watch = this->watch("/tree");
    ASSERT_TRUE(make_symlink(root_ + "/elsewhere", root_ + "/tree/link"));
    EXPECT_THAT(heard(watch), UnorderedElementsAre("/tree/link"));
    save("/elsewhere/c/file");
    EXPECT_THAT(heard(watch), IsEmpty());
}

TEST_F(TreeWatchTest, WhatIsLostIsSaidAndNewDirectoriesAreFound) {
    TreeWatch watch = this->watch("/tree");
    Result<std::string> most = read_file("/proc/sys/fs/inotify/max_queued_events");
    ASSERT_TRUE(most);
    // Equal ones behind each other are one.
    for (int i = std::stoi(*most) / 2 + 2; i > 0; i--) {
        ASSERT_EQ(::chmod((root_ + "/tree/a/file").c_str(), 0600), 0);
        ASSERT_EQ(::chmod((root_ + "/tree/skipped").c_str(), 0700), 0);
    }
    ASSERT_TRUE(make_dirs(root_ + "/tree/unheard"));
    Result<Heard> heard = watch.take();
    ASSERT_TRUE(heard);
    EXPECT_TRUE(heard->lost);
    EXPECT_FALSE(heard->paths.contains(root_ + "/tree/unheard"));
    save("/tree/unheard/file");
    EXPECT_THAT(this->heard(watch), UnorderedElementsAre("/tree/unheard/file"));
}

// In a user namespace whose limit is two: what add() says.
std::string with_two_watches(const std::string& tree) {
    Result<Pipe> pipe = make_pipe();
    if (!pipe) return "no pipe";
    pid_t pid = ::fork();
    if (pid == 0) {
        std::string said = "no user namespace";
        if (::unshare(CLONE_NEWUSER) == 0 &&
            write_knob("/proc/sys/user/max_inotify_watches", "2")) {
            auto watch = TreeWatch::open([](const std::string&) { return true; });
            Result<> added = watch ? watch->add(tree) : fail(std::move(watch).error());
            said = added ? "added" : added.error().text() + "; " + added.error().hint();
        }
        (void)write_all(pipe->write.get(), said, "a pipe");
        ::_exit(0);
    }
    pipe->write.reset();
    std::string said = read_all(pipe->read.get(), 4096, "a pipe").value_or("nothing");
    int status = 0;
    ::waitpid(pid, &status, 0);
    return said;
}

TEST_F(TreeWatchTest, TheLimitIsNamedWithTheRemedy) {
    std::string said = with_two_watches(root_ + "/tree");
    if (said == "no user namespace") GTEST_SKIP() << said;
    EXPECT_THAT(said, HasSubstr("user.max_inotify_watches is 2"));
    EXPECT_THAT(said, HasSubstr("sysctl user.max_inotify_watches=524288"));
}

}  // namespace
}  // namespace crank::sys
