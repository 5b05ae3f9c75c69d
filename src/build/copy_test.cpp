#include "build/copy.h"

#include <gtest/gtest.h>

#include "build/test_tree.h"
#include "sys/system.h"

namespace crank::build {
namespace {

using Lines = std::vector<std::string>;

class Copy : public testing::Test {
protected:
    void SetUp() override {
        if (sys::effective_uid() != 0) GTEST_SKIP() << "copies belong to root: needs root";
    }

    // COPY with sources and a destination; returns the error's text, or nothing.
    std::string copy(std::vector<std::string> sources, const std::string& dest,
                     const std::string& chown = "", const char* chmod = nullptr) {
        dockerfile::TransferStep step;
        step.sources = std::move(sources);
        step.dest = dest;
        step.chown = chown;
        if (chmod != nullptr) step.chmod = dockerfile::ModeChange::parse(chmod);
        auto tree = SourceTree::open_context(context.path(), {});
        auto selection = tree->select(step.sources, step.excludes, {});
        if (!selection) return selection.error().text();
        sys::UniqueFd fd = *sys::open_dir(root.path());
        auto done =
            copy_into({.root = fd.get(), .tree = &*tree, .selection = *selection, .step = &step});
        return done ? "" : done.error().text();
    }

    TempDir context, root;
};

TEST_F(Copy, AFileTakesTheNameOfTheDestination) {
    context.file("a", "1", 0600);
    EXPECT_EQ(copy({"a"}, "/opt/app/b"), "");
    EXPECT_EQ(root.list(),
              (Lines{"d 755 0:0 opt", "d 755 0:0 opt/app", "f 644 0:0 opt/app/b = 1"}));
}

TEST_F(Copy, AFileGoesIntoADirectory) {
    context.file("a", "1", 0755);
    root.dir("there");
    EXPECT_EQ(copy({"a"}, "/there"), "");
    EXPECT_EQ(copy({"a"}, "/new/"), "");
    EXPECT_EQ(root.list(), (Lines{"d 755 0:0 new", "f 755 0:0 new/a = 1", "d 755 0:0 there",
                                  "f 755 0:0 there/a = 1"}));
}

TEST_F(Copy, ADirectorysContentsAreCopied) {
    context.file("src/a", "1");
    context.file("src/sub/b", "2");
    context.link("src/l", "sub/b");
    context.dir("src/empty", 0700);
    root.file("app/old", "0");
    EXPECT_EQ(copy({"src"}, "/app"), "");
    EXPECT_EQ(root.list(), (Lines{"d 755 0:0 app", "f 644 0:0 app/a = 1", "d 755 0:0 app/empty",
                                  "l app/l -> sub/b", "f 644 0:0 app/old = 0", "d 755 0:0 app/sub",
                                  "f 644 0:0 app/sub/b = 2"}));
}

TEST_F(Copy, SeveralSourcesGoIntoADirectory) {
    context.file("a");
    context.file("b");
    EXPECT_EQ(copy({"a", "b"}, "/x/"), "");
    EXPECT_EQ(copy({"*"}, "/y"), "");
    EXPECT_EQ(root.list(), (Lines{"d 755 0:0 x", "f 644 0:0 x/a = x", "f 644 0:0 x/b = x",
                                  "d 755 0:0 y", "f 644 0:0 y/a = x", "f 644 0:0 y/b = x"}));
    root.file("file");
    EXPECT_EQ(copy({"*"}, "/file"), "a: /file is no directory in the image");
}

TEST_F(Copy, OwnersAndModes) {
    context.file("src/a", "1");
    context.link("src/l", "a");
    root.file("etc/passwd", "worker:x:1000:1001::/home/worker:/bin/sh\n");
    root.file("etc/group", "worker:x:1001:\nstaff:x:50:\n");
    EXPECT_EQ(copy({"src"}, "/app/code", "worker:staff", "0750"), "");
    EXPECT_EQ(*sys::read_link(root.path() + "/app/code/l"), "a");
    EXPECT_EQ(sys::lstat(root.path() + "/app/code/l")->uid, 1000U);
    Lines lines = root.list();
    lines.resize(3);
    EXPECT_EQ(lines, (Lines{"d 755 1000:50 app", "d 750 1000:50 app/code",
                            "f 750 1000:50 app/code/a = 1"}));
    EXPECT_EQ(copy({"src/a"}, "/n", "12"), "");
    EXPECT_EQ(sys::lstat(root.path() + "/n")->gid, 12U);
    EXPECT_EQ(copy({"src/a"}, "/n", "nobody"),
              "--chown=nobody: the image has no user nobody in /etc/passwd");
    EXPECT_EQ(copy({"src/a"}, "/s", "", "04755"), "");
    EXPECT_EQ(sys::lstat(root.path() + "/s")->mode & 07777U, 04755U);
}

TEST_F(Copy, ReplacesFilesAndLinksButNoDirectories) {
    context.file("src/a", "new");
    context.file("src/b", "new");
    context.file("src/d", "new");
    root.file("app/a", "old");
    root.link("app/b", "a");
    EXPECT_EQ(copy({"src/a", "src/b"}, "/app/"), "");
    EXPECT_EQ(root.list(),
              (Lines{"d 755 0:0 app", "f 644 0:0 app/a = new", "f 644 0:0 app/b = new"}));
    root.dir("app/d");
    EXPECT_EQ(copy({"src"}, "/app"), "src: d: d is a directory in the image");
    root.file("file");
    EXPECT_EQ(copy({"src"}, "/file"), "src: /file is no directory in the image");
    EXPECT_EQ(copy({"src/a"}, "/file/x"), "a: /file is no directory in the image");
    context.file("src/e/x");
    root.file("app2/e");
    EXPECT_EQ(copy({"src"}, "/app2"), "src: e: e is no directory in the image");
}

TEST_F(Copy, LinksInTheDestinationStayInsideTheRoot) {
    context.file("a", "1");
    context.file("tree/lib/x", "2");
    root.link("escape", "/");
    root.link("up", "../../../../..");
    root.link("abs", "/real/dir");
    root.dir("real/dir");
    EXPECT_EQ(copy({"a"}, "/escape/one"), "");
    EXPECT_EQ(copy({"a"}, "/up/two"), "");
    EXPECT_EQ(copy({"a"}, "/abs/three"), "");
    EXPECT_EQ(root.read("one"), "1");
    EXPECT_EQ(root.read("two"), "1");
    EXPECT_EQ(root.read("real/dir/three"), "1");
    // A tree's lib goes where the image's /lib points, and the link stays.
    root.dir("usr/lib");
    root.link("lib", "usr/lib");
    EXPECT_EQ(copy({"tree"}, "/"), "");
    EXPECT_EQ(root.read("usr/lib/x"), "2");
    EXPECT_TRUE(sys::lstat(root.path() + "/lib")->is_symlink());
    // Of a link in the place of the file, what it stands for is written.
    root.file("real/target", "0");
    root.link("alias", "/real/target");
    EXPECT_EQ(copy({"a"}, "/alias"), "");
    EXPECT_EQ(root.read("real/target"), "1");
    root.link("loop", "loop");
    EXPECT_NE(copy({"a"}, "/loop/x"), "");
    root.link("dangling", "/nowhere");
    EXPECT_EQ(copy({"a"}, "/dangling/x"), "a: /dangling is a link that leads nowhere");
}

TEST_F(Copy, NoticesAChangeBetweenHashAndCopy) {
    context.file("a", "1");
    auto tree = SourceTree::open_context(context.path(), {});
    std::vector<std::string> sources{"a"};
    auto selection = *tree->select(sources, {}, {});
    context.file("a", "2");
    dockerfile::TransferStep step;
    step.sources = sources;
    step.dest = "/a";
    sys::UniqueFd fd = *sys::open_dir(root.path());
    auto done =
        copy_into({.root = fd.get(), .tree = &*tree, .selection = selection, .step = &step});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().text(), "a: a changed during the build");
}

TEST_F(Copy, InlineFiles) {
    dockerfile::TransferStep step;
    step.dest = "/etc/app.conf";
    step.files = {{"EOF", "text\n", true}};
    sys::UniqueFd fd = *sys::open_dir(root.path());
    ASSERT_TRUE(copy_into({.root = fd.get(), .selection = {}, .step = &step}));
    EXPECT_EQ(root.read("etc/app.conf"), "text\n");
}

TEST_F(Copy, UserFilesThatAreNoFilesAreEmpty) {
    root.link("etc/passwd", "/etc/group");
    root.file("etc/group", "g");
    sys::UniqueFd fd = *sys::open_dir(root.path());
    EXPECT_EQ(read_user_files(fd.get())->passwd, "g");
    TempDir hostile;
    hostile.dir("etc/passwd");
    hostile.link("etc/group", "/dev/zero");
    sys::UniqueFd other = *sys::open_dir(hostile.path());
    EXPECT_EQ(read_user_files(other.get())->passwd, "");
    EXPECT_EQ(read_user_files(other.get())->group, "");
}

}  // namespace
}  // namespace crank::build
