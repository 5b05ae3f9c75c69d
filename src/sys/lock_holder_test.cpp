#include "sys/lock_holder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "sys/file.h"

namespace crank::sys {
namespace {

TEST(LockHolder, IsFoundByDeviceAndInode) {
    constexpr std::string_view kLocks =
        "1: POSIX  ADVISORY  WRITE 11 08:02:1234 0 EOF\n"
        "2: FLOCK  ADVISORY  WRITE 12 08:02:12345 0 EOF\n"
        "3: FLOCK  ADVISORY  WRITE 708 08:02:1234 0 EOF\n"
        "3: -> FLOCK  ADVISORY  WRITE 709 08:02:1234 0 EOF\n"
        "4: FLOCK  ADVISORY  WRITE -1 fe:1f:7 0 EOF\n";
    EXPECT_EQ(holder_in(kLocks, 8, 2, 1234), 708);
    EXPECT_EQ(holder_in(kLocks, 8, 2, 12345), 12);
    EXPECT_EQ(holder_in(kLocks, 8, 1, 1234), std::nullopt);
    EXPECT_EQ(holder_in(kLocks, 0xfe, 0x1f, 7), std::nullopt);
    EXPECT_EQ(holder_in("", 8, 2, 1234), std::nullopt);
}

TEST(LockHolder, OfAFileThatThisProcessHasLocked) {
    const std::string path = testing::TempDir() + "/held-" + std::to_string(::getpid());
    auto lock = try_lock_file(path, LockMode::exclusive).value();
    ASSERT_TRUE(lock);
    auto holder = lock_holder(path);
    if (!holder) GTEST_SKIP() << "/proc/locks names no lock of " << path;
    EXPECT_EQ(holder->pid, ::getpid());
    EXPECT_TRUE(!holder->command.empty() && holder->command[0].ends_with("sys_test"));
    lock.reset();
    EXPECT_FALSE(lock_holder(path));
    (void)remove_file(path);
}

}  // namespace
}  // namespace crank::sys
