#include "build/context_copy.h"

#include <gtest/gtest.h>

#include "build/test_tree.h"
#include "sys/system.h"

namespace crank::build {
namespace {

using Lines = std::vector<std::string>;

class CopyOfAContext : public testing::Test {
protected:
    void SetUp() override {
        if (sys::effective_uid() != 0) GTEST_SKIP() << "copies belong to root: needs root";
        context.file("run", "1", 0755);
        context.file("lib/a", "2", 0600);
        context.link("l", "lib/a");
    }
    Result<ContextCopy> read() { return ContextCopy::read(context.path(), "Dockerfile", {}); }

    TempDir context, root;
};

TEST_F(CopyOfAContext, IsWhatCopyWouldBring) {
    context.file(".dockerignore", "secret\n*.bat\n");
    context.file("secret", "s");
    auto copy = read();
    ASSERT_TRUE(copy) << copy.error().text();
    auto done = copy->copy_to(root.path());
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(root.list(), (Lines{"f 644 0:0 .dockerignore = secret\n*.bat\n", "l l -> lib/a",
                                  "d 755 0:0 lib", "f 644 0:0 lib/a = 2", "f 755 0:0 run = 1"}));
}

TEST_F(CopyOfAContext, ItsDigestIsOfWhatIsCopied) {
    context.file(".dockerignore", "ignored\n");
    oci::Digest before = read()->digest();
    context.file("ignored", "1");
    EXPECT_EQ(read()->digest(), before);
    context.file("lib/a", "3");
    EXPECT_NE(read()->digest(), before);
}

TEST_F(CopyOfAContext, WhatHasChangedSinceItWasReadIsAnError) {
    auto copy = read();
    context.file("lib/a", "another");
    auto done = copy->copy_to(root.path());
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().text().find("lib/a"), std::string::npos) << done.error().text();
    EXPECT_EQ(ContextCopy::read(context.path() + "/nowhere", "", {}).error().code(),
              Code::not_found);
}

}  // namespace
}  // namespace crank::build
