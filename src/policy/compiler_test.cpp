#include "policy/compiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "policy/policy.h"
#include "policy/seccomp_test_support.h"

namespace crank::policy {
namespace {

using test::call;
using test::tree_policy;
using test::tree_table;

constexpr std::uint32_t kAllow = 0x7fff0000;
constexpr std::uint32_t kPermission = 0x00050001;
constexpr std::uint32_t kNoSuchCall = 0x00050026;
constexpr std::uint32_t kKill = 0x80000000;
constexpr Architecture kX86 = Architecture::x86_64;

std::vector<BpfInstruction> program_of(const SeccompFilter& filter, Architecture native = kX86) {
    auto compiled = compile(filter, native, tree_table());
    EXPECT_TRUE(compiled) << compiled.error().text();
    return compiled ? compiled->program : std::vector<BpfInstruction>();
}

std::uint32_t verdict(std::span<const BpfInstruction> program, const SeccompData& data) {
    auto verdict = evaluate(program, data);
    EXPECT_TRUE(verdict) << verdict.error().text();
    return verdict ? verdict->action : 0xdead;
}

std::string error_of(const SeccompFilter& filter) {
    auto compiled = compile(filter, kX86, tree_table());
    return compiled ? "compiled" : compiled.error().text();
}

SeccompFilter one_rule(SyscallRule rule) {
    SeccompFilter filter;
    filter.rules.push_back(std::move(rule));
    return filter;
}

class DefaultFilter : public testing::Test {
protected:
    std::vector<BpfInstruction> with(CapabilitySet set) {
        return program_of(filter_for(tree_policy(), set, kX86));
    }
    std::vector<BpfInstruction> plain_ = with(default_capabilities());
};

TEST_F(DefaultFilter, OrdinaryCallsPass) {
    for (const char* name :
         {"read", "execve", "futex", "openat2", "chroot", "ptrace", "landlock_add_rule"})
        EXPECT_EQ(verdict(plain_, call(kX86, name)), kAllow) << name;
}

TEST_F(DefaultFilter, WhatReachesTheHostIsRefused) {
    for (const char* name : {"mount",
                             "umount2",
                             "setns",
                             "unshare",
                             "reboot",
                             "init_module",
                             "bpf",
                             "kexec_load",
                             "keyctl",
                             "add_key",
                             "userfaultfd",
                             "io_uring_setup",
                             "open_by_handle_at",
                             "perf_event_open",
                             "swapon",
                             "pivot_root",
                             "move_pages",
                             "syslog",
                             "settimeofday",
                             "iopl"})
        EXPECT_EQ(verdict(plain_, call(kX86, name)), kPermission) << name;
}

TEST_F(DefaultFilter, NamespaceFlagsOfCloneAreRefusedOneByOne) {
    EXPECT_EQ(verdict(plain_, call(kX86, "clone", {0x11})), kAllow);
    EXPECT_EQ(verdict(plain_, call(kX86, "clone", {0x3d0f00})), kAllow);  // a glibc thread
    for (std::uint64_t flag :
         {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000})
        EXPECT_EQ(verdict(plain_, call(kX86, "clone", {flag | 0x11})), kPermission) << flag;
}

TEST_F(DefaultFilter, Clone3AndNewerCallsLookAbsent) {
    EXPECT_EQ(verdict(plain_, call(kX86, "clone3")), kNoSuchCall);
    EXPECT_EQ(verdict(plain_, call(kX86, "file_getattr")), kNoSuchCall);
    EXPECT_EQ(verdict(plain_, call(kX86, 470)), kNoSuchCall);
    EXPECT_EQ(verdict(plain_, call(kX86, 400)), kNoSuchCall);
    EXPECT_EQ(verdict(plain_, call(kX86, 0xffffffff)), kNoSuchCall);
}

TEST_F(DefaultFilter, SocketFamilies) {
    for (std::uint64_t family : {1, 2, 10, 16, 17, 37, 39, 41, 45})
        EXPECT_EQ(verdict(plain_, call(kX86, "socket", {family})), kAllow) << family;
    for (std::uint64_t family : {38, 40, 46, 1000, -1})
        EXPECT_EQ(verdict(plain_, call(kX86, "socket", {family})), kPermission) << family;
    // The kernel reads 32 bits of the register, so garbage above must not turn 40 into 2.
    EXPECT_EQ(verdict(plain_, call(kX86, "socket", {0x100000028})), kPermission);
}

TEST_F(DefaultFilter, Personalities) {
    for (std::uint64_t domain : {0x0U, 0x8U, 0x20000U, 0x20008U, 0xffffffffU})
        EXPECT_EQ(verdict(plain_, call(kX86, "personality", {domain})), kAllow) << domain;
    for (std::uint64_t domain : {0x40000, 0x100000, 0x1, 0x400000})
        EXPECT_EQ(verdict(plain_, call(kX86, "personality", {domain})), kPermission) << domain;
}

TEST_F(DefaultFilter, OtherArchitecturesAndX32) {
    EXPECT_EQ(verdict(plain_, call(Architecture::i386, "getpid")), kAllow);
    EXPECT_EQ(verdict(plain_, call(Architecture::i386, "unshare")), kPermission);
    EXPECT_EQ(verdict(plain_, call(Architecture::i386, "socketcall", {1})), kAllow);
    EXPECT_EQ(verdict(plain_, call(Architecture::aarch64, "getpid")), kKill);
    EXPECT_EQ(verdict(plain_, call(kX86, 0x40000000 | 39)), kNoSuchCall);
}

TEST_F(DefaultFilter, CapabilitiesOpenWhatTheyAreFor) {
    auto admin = with(default_capabilities() | bit(*capability_number("CAP_SYS_ADMIN")));
    for (const char* name : {"mount", "unshare", "clone3", "setns", "bpf"})
        EXPECT_EQ(verdict(admin, call(kX86, name)), kAllow) << name;
    EXPECT_EQ(verdict(admin, call(kX86, "clone", {0x10000000})), kAllow);
    EXPECT_EQ(verdict(admin, call(kX86, "reboot")), kPermission);
    auto none = with(0);
    EXPECT_EQ(verdict(none, call(kX86, "chroot")), kPermission);
    EXPECT_EQ(verdict(with(bit(*capability_number("CAP_SYSLOG"))), call(kX86, "syslog")), kAllow);
}

TEST_F(DefaultFilter, IsShallow) {
    for (Architecture native : {kX86, Architecture::aarch64}) {
        for (CapabilitySet set : {default_capabilities(), CapabilitySet{0}, kAllCapabilities}) {
            auto program = program_of(filter_for(tree_policy(), set, native), native);
            EXPECT_LE(program.size(), 300U);
            for (Architecture a : {native, sibling(native)}) {
                for (std::uint32_t number = 0; number < 600; ++number) {
                    EXPECT_LE(evaluate(program, call(a, number, {2}))->steps, 22U) << number;
                }
            }
        }
    }
}

TEST_F(DefaultFilter, TheEmbeddedProgramIsTheOneOfTheSourceTree) {
    Architecture native = native_architecture();
    for (CapabilitySet set : {default_capabilities(), CapabilitySet{0}, kAllCapabilities}) {
        auto embedded = default_seccomp_program(set);
        ASSERT_TRUE(embedded) << embedded.error().text();
        auto compiled = program_of(filter_for(tree_policy(), set, native), native);
        EXPECT_TRUE(std::ranges::equal(embedded->instructions(), compiled)) << set;
    }
}

TEST(Compile, EveryAction) {
    std::vector<std::pair<SyscallRule, std::uint32_t>> cases = {
        {{{"read"}, Action::kill_process, {}, {}}, 0x80000000},
        {{{"read"}, Action::kill_thread, {}, {}}, 0},
        {{{"read"}, Action::trap, {}, {}}, 0x00030000},
        {{{"read"}, Action::error, {}, {}}, 0x00050001},
        {{{"read"}, Action::error, 0, {}}, 0x00050000},
        {{{"read"}, Action::error, 13, {}}, 0x0005000d},
        {{{"read"}, Action::trace, {}, {}}, 0x7ff00001},
        {{{"read"}, Action::trace, 7, {}}, 0x7ff00007},
        {{{"read"}, Action::notify, {}, {}}, 0x7fc00000},
        {{{"read"}, Action::log, {}, {}}, 0x7ffc0000},
        {{{"read"}, Action::allow, {}, {}}, 0x7fff0000},
    };
    for (const auto& [rule, expected] : cases)
        EXPECT_EQ(verdict(program_of(one_rule(rule)), call(kX86, "read")), expected);
}

TEST(Compile, ARuleWithoutTestsGoesFirst) {
    SeccompFilter filter;
    filter.rules.push_back({{"read"}, Action::kill_process, {}, {{0, Compare::equal, 3, 0}}});
    filter.rules.push_back({{"read"}, Action::allow, {}, {}});
    filter.rules.push_back({{"read"}, Action::log, {}, {}});
    EXPECT_EQ(verdict(program_of(filter), call(kX86, "read", {3})), kAllow);
}

TEST(Compile, SeveralTestsOfOneArgumentAreAlternatives) {
    auto program = program_of(one_rule(
        {{"read"}, Action::allow, {}, {{0, Compare::equal, 3, 0}, {0, Compare::equal, 5, 0}}}));
    EXPECT_EQ(verdict(program, call(kX86, "read", {3})), kAllow);
    EXPECT_EQ(verdict(program, call(kX86, "read", {5})), kAllow);
    EXPECT_EQ(verdict(program, call(kX86, "read", {4})), kPermission);
}

TEST(Compile, NewerCallsGetEnosysUnlessTheFilterAllowsByDefault) {
    SeccompFilter filter = one_rule({{"openat"}, Action::allow, {}, {}});  // 257
    EXPECT_EQ(verdict(program_of(filter), call(kX86, 256)), kPermission);
    EXPECT_EQ(verdict(program_of(filter), call(kX86, 258)), kNoSuchCall);
    filter.newer_calls = NewerCalls::as_default;
    EXPECT_EQ(verdict(program_of(filter), call(kX86, 258)), kPermission);
    filter.newer_calls = NewerCalls::enosys_above_named;
    filter.default_action = Action::allow;
    EXPECT_EQ(verdict(program_of(filter), call(kX86, 258)), kAllow);
    EXPECT_EQ(verdict(program_of(filter), call(kX86, 0x40000000)), kNoSuchCall);
}

TEST(Compile, ArchitecturesNotListedAreKilled) {
    SeccompFilter filter = one_rule({{"read"}, Action::allow, {}, {}});
    EXPECT_EQ(verdict(program_of(filter), call(Architecture::i386, "read")), kKill);
    filter.architectures = {"SCMP_ARCH_X86", "SCMP_ARCH_S390X", "SCMP_ARCH_X32"};
    EXPECT_EQ(verdict(program_of(filter), call(Architecture::i386, "read")), kAllow);
    EXPECT_EQ(verdict(program_of(filter), call(kX86, "read")), kAllow);
    auto arm = program_of(filter, Architecture::aarch64);
    EXPECT_EQ(verdict(arm, call(Architecture::aarch64, "read")), kAllow);
    EXPECT_EQ(verdict(arm, call(Architecture::i386, "read")), kKill);
}

TEST(Compile, OnI386ARuleForSocketCoversSocketcall) {
    SeccompFilter filter = one_rule({{"socket"}, Action::allow, {}, {}});
    filter.architectures = {"SCMP_ARCH_X86"};
    auto program = program_of(filter);
    EXPECT_EQ(verdict(program, call(Architecture::i386, "socket")), kAllow);
    EXPECT_EQ(verdict(program, call(Architecture::i386, "socketcall", {1})), kAllow);
    EXPECT_EQ(verdict(program, call(Architecture::i386, "socketcall", {2})), kPermission);
}

TEST(Compile, UnknownNamesAreReported) {
    auto compiled =
        compile(one_rule({{"zzz_new", "read", "riscv_hwprobe", "zzz_new"}, Action::allow, {}, {}}),
                kX86, tree_table());
    ASSERT_TRUE(compiled);
    EXPECT_THAT(compiled->unknown_names, testing::ElementsAre("riscv_hwprobe", "zzz_new"));
}

TEST(Compile, RefusesNonsense) {
    SeccompFilter filter;
    filter.architectures = {"SCMP_ARCH_X68"};
    EXPECT_EQ(error_of(filter), "unknown seccomp architecture \"SCMP_ARCH_X68\"");
    filter = {};
    filter.default_errno_ret = 4096;
    EXPECT_EQ(error_of(filter), "seccomp default action: errno 4096 is above 4095");
    EXPECT_EQ(error_of(one_rule({{"read"}, Action::error, 5000, {}})),
              "seccomp rule 1: errno 5000 is above 4095");
    EXPECT_EQ(error_of(one_rule({{}, Action::error, {}, {}})),
              "seccomp rule 1 names no system call");
    EXPECT_EQ(error_of(one_rule({{"read"}, Action::allow, {}, {{6, Compare::equal, 0, 0}}})),
              "seccomp rule 1: argument index 6 is above 5");
    EXPECT_EQ(parse_action("SCMP_ACT_ALOW").error().message(),
              "unknown seccomp action \"SCMP_ACT_ALOW\"");
    EXPECT_EQ(parse_action("SCMP_ACT_ALOW").error().hint(), "did you mean SCMP_ACT_ALLOW?");
    EXPECT_EQ(parse_compare("==").error().text(), "unknown seccomp operator \"==\"");
}

TEST(Compile, RefusesWhatTheKernelWouldNotTake) {
    SeccompFilter filter;
    for (unsigned i = 0; i < 1000; ++i) {
        filter.rules.push_back(
            {{"read"},
             Action::allow,
             {},
             {{0, Compare::masked_equal, ~std::uint64_t{0} - i, 0}, {1, Compare::equal, i, 0}}});
    }
    auto compiled = compile(filter, kX86, tree_table());
    ASSERT_FALSE(compiled);
    EXPECT_EQ(compiled.error().code(), Code::exhausted);
}

TEST(Evaluate, RefusesWhatTheKernelWouldRefuse) {
    SeccompData data{};
    auto error = [&data](std::vector<BpfInstruction> program) {
        auto verdict = evaluate(program, data);
        return verdict ? "accepted" : verdict.error().text();
    };
    EXPECT_EQ(error({}), "seccomp program: instruction 0: runs out of the program");
    EXPECT_EQ(error({{0x05, 0, 0, 9}}), "seccomp program: instruction 1: runs out of the program");
    EXPECT_EQ(error({{0x20, 0, 0, 64}}), "seccomp program: instruction 0: not known to seccomp");
    EXPECT_EQ(error({{0x20, 0, 0, 3}}), "seccomp program: instruction 0: not known to seccomp");
    EXPECT_EQ(error({{0x28, 0, 0, 0}}), "seccomp program: instruction 0: not known to seccomp");
}

}  // namespace
}  // namespace crank::policy
