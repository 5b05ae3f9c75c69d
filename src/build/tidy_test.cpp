#include "build/tidy.h"

#include <gtest/gtest.h>

#include "build/test_tree.h"
#include "sys/attributes.h"
#include "sys/system.h"

namespace crank::build {
namespace {

using Lines = std::vector<std::string>;
constexpr const char* kOpaque = "trusted.overlay.opaque";

class Tidy : public testing::Test {
protected:
    void SetUp() override {
        if (sys::effective_uid() != 0) GTEST_SKIP() << "trusted attributes: needs root";
    }
    TidyReport tidy() {
        sys::UniqueFd below = *sys::open_dir(lower.path());
        return *tidy_upper(upper.path(), below.get());
    }
    void set(const std::string& path, const std::string& key, const std::string& value) {
        sys::UniqueFd fd = *sys::open_dir(upper.path());
        auto done = sys::set_xattr_at(fd.get(), path, key, value);
        ASSERT_TRUE(done) << done.error().text();
    }
    bool is_opaque(const std::string& path) {
        sys::UniqueFd fd = *sys::open_dir(upper.path());
        return sys::get_xattr_at(fd.get(), path, kOpaque)->has_value();
    }

    TempDir upper, lower;
};

TEST_F(Tidy, AnUpperDirectoryWithoutAChangeIsEmpty) {
    EXPECT_TRUE(tidy().empty);
    lower.dir("etc/sub", 0750);
    upper.dir("etc/sub", 0750);
    EXPECT_TRUE(tidy().empty);
    EXPECT_EQ(upper.list(), Lines{});
}

TEST_F(Tidy, ADirectoryThatIsNewOrOtherStays) {
    lower.dir("mode", 0755);
    upper.dir("mode", 0700);
    upper.dir("new");
    lower.file("replaced");
    upper.dir("replaced");
    lower.dir("attribute");
    upper.dir("attribute");
    set("attribute", "user.note", "x");
    EXPECT_FALSE(tidy().empty);
    EXPECT_EQ(upper.list(), (Lines{"d 755 0:0 attribute", "d 700 0:0 mode", "d 755 0:0 new",
                                   "d 755 0:0 replaced"}));
}

TEST_F(Tidy, TheMarkOpaqueStaysWhereItHidesSomething) {
    lower.file("hiding/old");
    upper.dir("hiding/inside");
    upper.dir("fresh");
    for (const char* path : {"hiding", "hiding/inside", "fresh"})
        ASSERT_NO_FATAL_FAILURE(set(path, kOpaque, "y"));
    EXPECT_FALSE(tidy().empty);
    EXPECT_TRUE(is_opaque("hiding"));
    // What lies in a directory that hides everything hides nothing more.
    EXPECT_FALSE(is_opaque("hiding/inside"));
    EXPECT_FALSE(is_opaque("fresh"));
}

TEST_F(Tidy, TheLinkersCacheGoes) {
    lower.dir("var/cache/ldconfig", 0700);
    upper.dir("var/cache/ldconfig", 0700);
    upper.file("var/cache/ldconfig/aux-cache");
    EXPECT_TRUE(tidy().empty);
    upper.file("var/cache/other/aux-cache");
    EXPECT_FALSE(tidy().empty);
}

TEST_F(Tidy, FindsByteCode) {
    upper.file("usr/lib/b/__pycache__/z.cpython-311.pyc");
    upper.file("usr/lib/__pycache__/a.cpython-311.pyc");
    upper.file("usr/lib/legacy.pyc");
    upper.file("usr/lib/__pycache__/notes.txt");
    upper.link("usr/lib/__pycache__/link.cpython-311.pyc", "a.cpython-311.pyc");
    EXPECT_EQ(tidy().bytecode, (Lines{"usr/lib/__pycache__/a.cpython-311.pyc",
                                      "usr/lib/b/__pycache__/z.cpython-311.pyc"}));
}

}  // namespace
}  // namespace crank::build
