// The default filter in force, in a child of this test.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <thread>

#include "policy/policy.h"
#include "policy/syscall_table.h"

namespace crank::policy {
namespace {

static_assert(sizeof(sock_filter) == sizeof(BpfInstruction));

bool put_in_force(std::span<const BpfInstruction> program) {
    sock_fprog filter{static_cast<unsigned short>(program.size()),
                      reinterpret_cast<sock_filter*>(const_cast<BpfInstruction*>(program.data()))};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

constexpr int kNotLoaded = 255;

// Runs `body` in a child under the default filter and returns what it returns, 0 to 254.
int under_filter(CapabilitySet set, const std::function<int()>& body) {
    auto program = default_seccomp_program(set);
    EXPECT_TRUE(program) << program.error().text();
    pid_t child = fork();
    if (child == 0) {
        bool loaded = put_in_force(program->instructions());
        _exit(loaded ? body() : kNotLoaded);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// The errno of a call under the default filter, 0 where it succeeds.
template <class Call>
int error_of(Call call) {
    return under_filter(default_capabilities(), [call] { return call() == -1 ? errno : 0; });
}

TEST(FilterInForce, RefusesNamespacesAndMounts) {
    EXPECT_EQ(error_of([] { return unshare(CLONE_NEWUSER); }), EPERM);
    EXPECT_EQ(error_of([] { return unshare(CLONE_NEWNS); }), EPERM);
    EXPECT_EQ(error_of([] { return mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr); }),
              EPERM);
    EXPECT_EQ(error_of([] {
                  return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0);
              }),
              EPERM);
}

TEST(FilterInForce, NewerCallsLookAbsent) {
    EXPECT_EQ(error_of([] { return syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
    EXPECT_EQ(error_of([] { return syscall(1000); }), ENOSYS);
    EXPECT_EQ(error_of([] { return syscall(425, 1, nullptr); }), EPERM);  // io_uring_setup
}

TEST(FilterInForce, RefusesHostFamiliesAndOddDomains) {
    EXPECT_EQ(error_of([] { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }), 0);
    EXPECT_EQ(error_of([] { return socket(40, SOCK_STREAM | SOCK_CLOEXEC, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return socket(38, SOCK_SEQPACKET | SOCK_CLOEXEC, 0); }), EPERM);
    EXPECT_EQ(error_of([] { return personality(0xffffffff); }), 0);
    EXPECT_EQ(error_of([] { return personality(ADDR_NO_RANDOMIZE); }), EPERM);
}

TEST(FilterInForce, OrdinaryWorkGoesOn) {
    EXPECT_EQ(error_of([] { return getpid() > 0 ? 0 : -1; }), 0);
    EXPECT_EQ(error_of([] {
                  pid_t child = fork();
                  if (child == 0) _exit(0);
                  int status = 1;
                  return waitpid(child, &status, 0) == child ? status : -1;
              }),
              0);
    EXPECT_EQ(error_of([] {
                  int seen = 0;
                  std::thread([&seen] { seen = 1; }).join();
                  return seen - 1;
              }),
              0);
}

TEST(FilterInForce, EveryCapabilitySetLoads) {
    for (CapabilitySet set : {CapabilitySet{0}, default_capabilities(), kAllCapabilities})
        EXPECT_EQ(under_filter(set, [] { return 0; }), 0) << set;
}

#if defined(__x86_64__)
long call_i386(long number, long argument) {
    long result = 0;
    asm volatile("int $0x80"
                 : "=a"(result)
                 : "a"(number), "b"(argument)
                 : "memory", "r8", "r9", "r10", "r11");
    return result;
}

TEST(FilterInForce, ThirtyTwoBitCallsAreJudgedByTheirOwnNumbers) {
    // A kernel without 32-bit emulation kills the child instead; look before.
    pid_t probe = fork();
    if (probe == 0) _exit(call_i386(20, 0) == getpid() ? 0 : 1);
    int status = 0;
    ASSERT_EQ(waitpid(probe, &status, 0), probe);
    if (status != 0) GTEST_SKIP() << "this kernel runs no 32-bit programs";
    EXPECT_EQ(under_filter(default_capabilities(), [] { return call_i386(20, 0) > 0 ? 0 : 1; }), 0);
    EXPECT_EQ(under_filter(default_capabilities(),
                           [] { return static_cast<int>(-call_i386(310, CLONE_NEWUSER)); }),
              EPERM);
}

TEST(FilterInForce, X32LooksAbsent) {
    EXPECT_EQ(error_of([] { return syscall(0x40000000 | SYS_getpid); }), ENOSYS);
}
#endif

}  // namespace
}  // namespace crank::policy
