#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

namespace crank {
namespace {

Result<int> half(int n) {
    if (n % 2 != 0) return fail(Code::invalid_argument, "odd number 3");
    return n / 2;
}

Result<> outer(int n) {
    int value = TRY_IN(half(n), "halving");
    if (value == 0) return fail(Code::not_found, "zero");
    return {};
}

Result<std::unique_ptr<int>> move_only() { return std::make_unique<int>(7); }
Result<int> unwrap() { return *TRY(move_only()); }

TEST(Error, TryPassesTheValueOn) {
    EXPECT_TRUE(outer(4).has_value());
    EXPECT_EQ(*unwrap(), 7);
}

TEST(Error, TryReturnsTheErrorWithItsContext) {
    auto result = outer(3);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code(), Code::invalid_argument);
    EXPECT_EQ(result.error().text(), "halving: odd number 3");
}

TEST(Error, ErrnoGivesCodeAndText) {
    auto error = Error::from_errno(ENOENT, "open /nowhere");
    EXPECT_EQ(error.code(), Code::not_found);
    EXPECT_EQ(error.error_number(), ENOENT);
    EXPECT_EQ(error.text(), "open /nowhere: No such file or directory");
}

TEST(Error, CleanUpErrorsTravelWithTheFirst) {
    Error error = Error(Code::io, "write failed").with_cleanup(Error(Code::io, "rmdir x"));
    EXPECT_EQ(error.text(), "write failed; while undoing: rmdir x");
}

TEST(Error, EveryCodeHasANameAndAnExitCode) {
    for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
        auto info = describe(static_cast<Code>(i));
        EXPECT_FALSE(info.name.empty());
        EXPECT_GT(info.exit_code, 0);
    }
    EXPECT_EQ(describe(Code::cannot_invoke).exit_code, 126);
    EXPECT_EQ(describe(Code::command_not_found).exit_code, 127);
}

}  // namespace
}  // namespace crank
