#include "deploy/native_releases.h"

#include <gtest/gtest.h>

#include "oci/digest.h"
#include "sys/file.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

class NativeDirectories : public testing::Test {
protected:
    void SetUp() override {
        root_ = testing::TempDir() + "/native-releases-" + std::to_string(sys::wall_clock_ns());
        paths_.root = root_;
    }
    void TearDown() override { (void)sys::remove_tree(root_); }

    NativeReleases releases() { return *NativeReleases::of(paths_, "shop", "web"); }
    std::string made(const std::string& text) {
        std::string id = oci::Digest::of(text).str();
        EXPECT_TRUE(releases().begin(id));
        EXPECT_TRUE(releases().finish(id));
        return id;
    }

    std::string root_;
    engine::Paths paths_;
};

TEST_F(NativeDirectories, OneIsThereOnceItIsWhole) {
    std::string id = oci::Digest::of("a").str();
    EXPECT_EQ(releases().present(), "");
    auto place = releases().begin(id);
    ASSERT_TRUE(place) << place.error().text();
    EXPECT_TRUE(sys::exists(*place));
    EXPECT_EQ(*place, releases().directory_of(id));
    EXPECT_FALSE(releases().has(id));
    ASSERT_TRUE(sys::write_file_atomic(*place + "/left", "x", 0644, sys::Sync::no));
    // A command that was killed begins anew.
    ASSERT_TRUE(releases().begin(id));
    EXPECT_FALSE(sys::exists(*place + "/left"));
    ASSERT_TRUE(releases().finish(id));
    EXPECT_TRUE(releases().has(id));
    EXPECT_EQ(releases().present(), id);
    releases().discard(id);
    EXPECT_FALSE(releases().has(id));
    EXPECT_EQ(releases().present(), "");
    EXPECT_FALSE(releases().has("../../etc"));
}

TEST_F(NativeDirectories, WhatNobodyNeedsGoesButForThePresentOne) {
    std::string a = made("a"), b = made("b"), c = made("c");
    keep_only_native(paths_, "shop", {a});
    EXPECT_TRUE(releases().has(a));
    EXPECT_FALSE(releases().has(b));
    EXPECT_FALSE(sys::exists(releases().directory_of(b)));
    EXPECT_EQ(releases().present(), c);
    keep_only_native(paths_, "other", {});
    EXPECT_TRUE(releases().has(a));
}

TEST_F(NativeDirectories, ANameThatLeadsElsewhereIsNone) {
    for (const char* name : {"", "..", ".x", "a/b"}) {
        auto releases = NativeReleases::of(paths_, "shop", name);
        ASSERT_FALSE(releases) << name;
        EXPECT_EQ(releases.error().code(), Code::invalid_argument);
    }
}

}  // namespace
}  // namespace crank::deploy
