#include "base/undo.h"

#include <gtest/gtest.h>

namespace crank {
namespace {

TEST(Undo, RunsLastInFirstOut) {
    std::string order;
    {
        Undo undo;
        undo.add([&]() -> Result<> {
            order += "a";
            return {};
        });
        undo.add([&]() -> Result<> {
            order += "b";
            return {};
        });
    }
    EXPECT_EQ(order, "ba");
}

TEST(Undo, CommitDisarms) {
    bool ran = false;
    {
        Undo undo;
        undo.add([&]() -> Result<> {
            ran = true;
            return {};
        });
        undo.commit();
    }
    EXPECT_FALSE(ran);
}

TEST(Undo, RunKeepsTheFirstErrorAndAddsTheOthers) {
    Undo undo;
    undo.add([]() -> Result<> { return fail(Code::io, "second"); });
    Error error = undo.run(Error(Code::not_found, "first"));
    EXPECT_EQ(error.code(), Code::not_found);
    EXPECT_EQ(error.text(), "first; while undoing: second");
    EXPECT_TRUE(undo.empty());
}

}  // namespace
}  // namespace crank
