#include "build/source_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "build/test_tree.h"

namespace crank::build {
namespace {

class Context : public testing::Test {
protected:
    Result<std::vector<SelectedSource>> select(std::vector<std::string> sources,
                                               std::vector<std::string> excludes = {}) {
        auto tree = SourceTree::open_context(context.path(),
                                             {.dockerfile = context.path() + "/Dockerfile"});
        if (!tree) return fail(std::move(tree).error());
        return tree->select(sources, excludes, [&](std::string text) { warnings.push_back(text); });
    }
    // "name: path path ...", a line per source.
    std::vector<std::string> shown(const std::vector<std::string>& sources,
                                   const std::vector<std::string>& excludes = {}) {
        auto selection = select(sources, excludes);
        if (!selection) return {"error: " + selection.error().text()};
        std::vector<std::string> lines;
        for (const SelectedSource& source : *selection) {
            std::string line = source.name + (source.directory ? "/:" : ":");
            for (const SelectedEntry& entry : source.entries)
                if (!entry.path.empty()) line += " " + entry.path;
            lines.push_back(line);
        }
        return lines;
    }
    using Lines = std::vector<std::string>;

    TempDir context;
    std::vector<std::string> warnings;
};

TEST_F(Context, SelectsFilesDirectoriesAndPatterns) {
    context.file("a.py");
    context.file("b.py");
    context.file("src/x/deep.c");
    context.file("src/top.c");
    EXPECT_EQ(shown({"a.py"}), (Lines{"a.py:"}));
    EXPECT_EQ(shown({"./src/../a.py", "/b.py"}), (Lines{"a.py:", "b.py:"}));
    EXPECT_EQ(shown({"*.py"}), (Lines{"a.py:", "b.py:"}));
    EXPECT_EQ(shown({"s*/t?p.c"}), (Lines{"top.c:"}));
    EXPECT_EQ(shown({"src"}), (Lines{"src/: top.c x x/deep.c"}));
    EXPECT_EQ(shown({"."}), (Lines{"/: a.py b.py src src/top.c src/x src/x/deep.c"}));
    EXPECT_EQ(shown({"src"}, {"x"}), (Lines{"src/: top.c"}));
}

TEST_F(Context, HonoursDockerignore) {
    context.file(".dockerignore", "*\n!src\nsrc/secret\n!keep/me\n");
    context.file("a.py");
    context.file("src/top.c");
    context.file("src/secret/key");
    context.file("keep/me");
    context.file("keep/not");
    EXPECT_EQ(shown({"."}), (Lines{"/: keep keep/me src src/top.c"}));
    EXPECT_EQ(shown({"a.py"}), (Lines{"error: a.py is excluded from the build context"}));
    EXPECT_EQ(shown({"*.py"}), (Lines{"error: *.py matches nothing in the build context"}));
    // A link does not bring back what is excluded.
    context.link("src/way", "../a.py");
    EXPECT_EQ(shown({"src/way"}), (Lines{"error: src/way is excluded from the build context"}));
}

TEST_F(Context, PrefersTheDockerfilesOwnIgnoreFile) {
    context.file(".dockerignore", "*\n");
    context.file("Dockerfile.dockerignore", "b\n");
    context.file("a");
    context.file("b");
    EXPECT_EQ(shown({"a"}), (Lines{"a:"}));
    EXPECT_EQ(shown({"b"}), (Lines{"error: b is excluded from the build context"}));
}

TEST_F(Context, NeverLeavesTheDirectory) {
    context.file("a");
    context.link("passwd", "/etc/passwd");
    context.link("up", "../../../../etc/passwd");
    context.link("host", "/etc");
    context.link("loop", "loop");
    context.link("fine", "a");
    EXPECT_EQ(shown({"../a"}), (Lines{"error: source ../a lies outside the build context"}));
    EXPECT_EQ(shown({"x/../../a"}),
              (Lines{"error: source x/../../a lies outside the build context"}));
    EXPECT_EQ(shown({"passwd"}),
              (Lines{"error: passwd is a link that leads nowhere in the build context"}));
    EXPECT_EQ(shown({"up"}),
              (Lines{"error: up is a link that leads nowhere in the build context"}));
    EXPECT_EQ(shown({"host/passwd"}),
              (Lines{"error: host/passwd does not exist in the build context"}));
    EXPECT_EQ(shown({"loop"}),
              (Lines{"error: loop is a link that leads nowhere in the build context"}));
    // What a source that is a link stands for is copied; links below it stay links.
    auto fine = select({"fine"});
    ASSERT_TRUE(fine);
    EXPECT_EQ((*fine)[0].name, "fine");
    EXPECT_EQ((*fine)[0].entries[0].kind, sys::FileKind::regular);
    auto all = select({"."});
    ASSERT_TRUE(all);
    EXPECT_EQ((*all)[0].entries[2].target, "a");
}

TEST_F(Context, NamesTheNearestFile) {
    context.file("requirements.txt");
    auto selection = select({"requirement.txt"});
    ASSERT_FALSE(selection);
    EXPECT_EQ(selection.error().text(), "requirement.txt does not exist in the build context");
    EXPECT_EQ(selection.error().hint(), "did you mean requirements.txt?");
    EXPECT_EQ(select({"[a"}).error().code(), Code::invalid_argument);
}

TEST_F(Context, SaysWhatItLeavesOut) {
    context.file("a");
    ASSERT_EQ(::mkfifo((context.path() + "/pipe").c_str(), 0644), 0);
    EXPECT_EQ(shown({"."}), (Lines{"/: a"}));
    EXPECT_EQ(warnings, (Lines{"pipe is a socket, a pipe or a device: left out"}));
    EXPECT_EQ(shown({"pipe"}), (Lines{"error: pipe is a socket, a pipe or a device"}));
}

TEST_F(Context, MissingDirectory) {
    auto tree = SourceTree::open_context(context.path() + "/nowhere", {});
    ASSERT_FALSE(tree);
    EXPECT_EQ(tree.error().code(), Code::not_found);
    context.file("file");
    EXPECT_FALSE(SourceTree::open_context(context.path() + "/file", {}));
}

TEST_F(Context, DigestDependsOnContentAloneNotOnTheCheckout) {
    context.file("src/a", "1", 0644);
    context.file("src/run", "2", 0755);
    context.link("src/l", "a");
    oci::Digest digest = digest_of(*select({"src"}));
    // Golden: the normalised form of this very tree.
    EXPECT_EQ(digest.hex(), "a23cb8e214b9933112733f3919e0509c94967aa62a103bb33d0bc447c80d571a");

    TempDir other;
    auto same = [&] {
        auto tree = SourceTree::open_context(other.path(), {});
        return digest_of(*tree->select(std::vector<std::string>{"code"}, {}, {})) == digest;
    };
    other.file("code/a", "1", 0600);
    other.file("code/run", "2", 0711);
    other.link("code/l", "a");
    other.dir("code", 0700);
    EXPECT_TRUE(same());
    other.file("code/a", "1", 0700);  // executable now
    EXPECT_FALSE(same());
    other.file("code/a", "3", 0644);
    EXPECT_FALSE(same());
    other.file("code/a", "1", 0644);
    EXPECT_TRUE(same());
    other.dir("code/empty");
    EXPECT_FALSE(same());
}

}  // namespace
}  // namespace crank::build
