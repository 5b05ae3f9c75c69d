// policy/seccomp-strict.json, as it is compiled into the program.
#include <gtest/gtest.h>

#include <random>

#include "policy/policy.h"
#include "policy/seccomp_test_support.h"
#include "policy/syscall_table.h"

namespace crank::policy {
namespace {

using test::call;

constexpr std::uint32_t kAllow = 0x7fff0000, kError = 0x00050000, kKill = 0x80000000;
constexpr std::uint32_t kEperm = kError + 1, kEnosys = kError + 38;
constexpr Architecture kNative = native_architecture();

std::uint32_t strict(const SeccompData& data) {
    auto verdict = evaluate(strict_seccomp_program(), data);
    EXPECT_TRUE(verdict);
    return verdict ? verdict->action : 0;
}
std::uint32_t strict(const std::string& name, std::vector<std::uint64_t> arguments = {}) {
    return strict(call(kNative, name, std::move(arguments)));
}

TEST(Strict, WhatServicesDoGoesOn) {
    for (const char* name : {"read",         "write",        "openat",
                             "close",        "mmap",         "mprotect",
                             "futex",        "execve",       "wait4",
                             "exit_group",   "accept4",      "bind",
                             "connect",      "listen",       "sendmsg",
                             "recvmsg",      "epoll_pwait",  "epoll_ctl",
                             "eventfd2",     "getrandom",    "clock_gettime",
                             "rt_sigaction", "kill",         "set_robust_list",
                             "rseq",         "prlimit64",    "statx",
                             "newfstatat",   "getdents64",   "renameat",
                             "unlinkat",     "mkdirat",      "ftruncate",
                             "sendfile",     "memfd_create", "sched_getaffinity",
                             "setgroups",    "setresuid",    "landlock_restrict_self",
                             "seccomp",      "pidfd_open"})
        EXPECT_EQ(strict(name), kAllow) << name;
}

TEST(Strict, WhatTheDefaultAllowsAndServicesDoNotNeed) {
    for (const char* name :
         {"ptrace", "process_vm_readv", "process_vm_writev", "name_to_handle_at", "chroot",
          "adjtimex", "shmget", "shmat", "semget", "msgget", "mq_open", "memfd_secret", "vmsplice",
          "tee", "execveat", "listmount", "statmount", "process_mrelease", "remap_file_pages"})
        EXPECT_EQ(strict(name), kEperm) << name;
    EXPECT_EQ(strict("io_setup"), kEnosys);
}

TEST(Strict, TheKernelsMostAttackedPartsAreClosed) {
    for (const char* name : {"keyctl",
                             "add_key",
                             "request_key",
                             "bpf",
                             "perf_event_open",
                             "io_uring_enter",
                             "io_uring_register",
                             "userfaultfd",
                             "unshare",
                             "setns",
                             "mount",
                             "umount2",
                             "pivot_root",
                             "fsopen",
                             "fsmount",
                             "fsconfig",
                             "move_mount",
                             "open_tree",
                             "mount_setattr",
                             "open_by_handle_at",
                             "kexec_load",
                             "init_module",
                             "finit_module",
                             "delete_module",
                             "reboot",
                             "swapon",
                             "acct",
                             "quotactl",
                             "syslog",
                             "settimeofday",
                             "sethostname",
                             "process_madvise",
                             "kcmp",
                             "pidfd_getfd",
                             "mbind",
                             "set_mempolicy",
                             "fanotify_init"})
        EXPECT_EQ(strict(name), kEperm) << name;
    EXPECT_EQ(strict("io_uring_setup"), kEnosys);
}

TEST(Strict, ClonesMakeNoNamespace) {
    constexpr std::uint64_t kSigchld = 17;
    // fork, a thread of glibc's, vfork
    for (std::uint64_t flags : {kSigchld, std::uint64_t{0x3d0f00}, std::uint64_t{0x4111}})
        EXPECT_EQ(strict("clone", {flags}), kAllow) << flags;
    for (std::uint64_t flag :
         {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000})
        EXPECT_EQ(strict("clone", {flag | kSigchld}), kEperm) << flag;
    EXPECT_EQ(strict("clone3"), kEnosys);
}

TEST(Strict, SocketFamilies) {
    constexpr std::uint64_t kStream = 1, kRaw = 3;
    EXPECT_EQ(strict("socket", {1, kStream, 0}), kAllow);
    EXPECT_EQ(strict("socket", {2, kStream, 6}), kAllow);
    EXPECT_EQ(strict("socket", {10, kStream, 0}), kAllow);
    EXPECT_EQ(strict("socket", {16, kRaw, 0}), kAllow);  // NETLINK_ROUTE
    EXPECT_EQ(strict("socketpair", {1, kStream, 0}), kAllow);
    // other protocols of netlink: NETLINK_NETFILTER, NETLINK_AUDIT, NETLINK_KOBJECT_UEVENT
    for (std::uint64_t protocol : {12, 9, 15})
        EXPECT_EQ(strict("socket", {16, kRaw, protocol}), kEperm) << protocol;
    // SCTP, DCCP, L2TP, MPTCP
    for (std::uint64_t protocol : {132, 33, 115, 262})
        EXPECT_EQ(strict("socket", {2, kStream, protocol}), kEperm) << protocol;
    for (std::uint64_t family = 0; family < 64; ++family) {
        bool known = family == 1 || family == 2 || family == 10 || family == 16;
        EXPECT_EQ(strict("socket", {family, kRaw, 0}), known ? kAllow : kEperm) << family;
        // The kernel cuts the family to 32 bits; a filter that did not would be passed by.
        EXPECT_EQ(strict("socket", {family | std::uint64_t{1} << 32, kRaw, 0}), kEperm);
    }
    EXPECT_EQ(strict("socketpair", {30, kStream, 0}), kEperm);  // TIPC
}

TEST(Strict, PipesHaveNamesAndDevicesAreNotMade) {
    EXPECT_EQ(strict("mknodat", {0, 0, 0x1000 | 0644}), kAllow);
    EXPECT_EQ(strict("mknodat", {0, 0, 0x2000 | 0644}), kEperm);  // S_IFCHR
    EXPECT_EQ(strict("mknodat", {0, 0, 0x6000 | 0644}), kEperm);  // S_IFBLK
}

TEST(Strict, Personalities) {
    EXPECT_EQ(strict("personality", {0}), kAllow);
    EXPECT_EQ(strict("personality", {0xffffffff}), kAllow);
    EXPECT_EQ(strict("personality", {0x0040000}), kEperm);  // ADDR_NO_RANDOMIZE
    EXPECT_EQ(strict("personality", {8}), kEperm);          // PER_LINUX32
}

TEST(Strict, OtherArchitecturesEndTheProcess) {
    EXPECT_EQ(strict(call(sibling(kNative), "read")) & 0xffff0000, kKill);
    EXPECT_EQ(strict(call(kNative, 999)), kEnosys);
}

// The promise of its first lines, over every call and many arguments.
TEST(Strict, AllowsNothingThatTheDefaultRefuses) {
    auto usual = default_seccomp_program(0);
    ASSERT_TRUE(usual);
    std::mt19937_64 random(29);
    const SyscallTable& table = test::tree_table();
    for (std::uint32_t number : table.numbers(kNative)) {
        for (int i = 0; i < 200; ++i) {
            std::vector<std::uint64_t> arguments;
            for (int a = 0; a < 6; ++a)
                arguments.push_back(i < 100 ? random() % 64 : random() >> (random() % 64));
            SeccompData data = call(kNative, number, arguments);
            if (strict(data) != kAllow) continue;
            auto verdict = evaluate(usual->instructions(), data);
            ASSERT_TRUE(verdict);
            EXPECT_EQ(verdict->action, kAllow) << number;
        }
    }
}

}  // namespace
}  // namespace crank::policy
