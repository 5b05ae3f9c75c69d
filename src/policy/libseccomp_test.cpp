// The compiler against libseccomp: the same rules through both, the same calls asked of both.
#include <gtest/gtest.h>
#include <seccomp.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>

#include "policy/compiler.h"
#include "policy/policy.h"
#include "policy/seccomp_test_support.h"

namespace crank::policy {
namespace {

using test::call;
using test::tree_policy;
using test::tree_table;

constexpr std::uint32_t kTokens[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_AARCH64,
                                     SCMP_ARCH_ARM};

std::uint32_t token(Architecture architecture) {
    return kTokens[static_cast<std::size_t>(architecture)];
}

std::uint32_t libseccomp_action(const SyscallRule& rule) {
    switch (rule.action) {
        case Action::allow: return SCMP_ACT_ALLOW;
        case Action::log: return SCMP_ACT_LOG;
        case Action::trap: return SCMP_ACT_TRAP;
        case Action::trace: return SCMP_ACT_TRACE(rule.errno_ret.value_or(1));
        case Action::notify: return SCMP_ACT_NOTIFY;
        case Action::kill_process: return SCMP_ACT_KILL_PROCESS;
        case Action::kill_thread: return SCMP_ACT_KILL_THREAD;
        case Action::error: return SCMP_ACT_ERRNO(rule.errno_ret.value_or(1));
    }
    return SCMP_ACT_KILL_PROCESS;
}

scmp_arg_cmp comparison(const ArgumentTest& test) {
    switch (test.compare) {
        case Compare::not_equal: return {test.index, SCMP_CMP_NE, test.value, 0};
        case Compare::less: return {test.index, SCMP_CMP_LT, test.value, 0};
        case Compare::less_or_equal: return {test.index, SCMP_CMP_LE, test.value, 0};
        case Compare::greater_or_equal: return {test.index, SCMP_CMP_GE, test.value, 0};
        case Compare::greater: return {test.index, SCMP_CMP_GT, test.value, 0};
        case Compare::masked_equal:
            return {test.index, SCMP_CMP_MASKED_EQ, test.value, test.value_two};
        case Compare::equal:
        case Compare::in_range: break;
    }
    return {test.index, SCMP_CMP_EQ, test.value, 0};
}

// libseccomp knows no ranges: one rule for each value.
std::vector<std::vector<scmp_arg_cmp>> comparisons(const std::vector<ArgumentTest>& tests) {
    if (tests.size() == 1 && tests[0].compare == Compare::in_range) {
        std::vector<std::vector<scmp_arg_cmp>> each;
        for (std::uint64_t value = tests[0].value; value <= tests[0].value_two; ++value)
            each.push_back({{tests[0].index, SCMP_CMP_EQ, value, 0}});
        return each;
    }
    std::vector<scmp_arg_cmp> all;
    std::ranges::transform(tests, std::back_inserter(all), comparison);
    return {all};
}

class Libseccomp {
public:
    Libseccomp(const SeccompFilter& filter, Architecture native)
        : context_(seccomp_init(
              libseccomp_action({{}, filter.default_action, filter.default_errno_ret, {}}))) {
        std::uint32_t host = seccomp_arch_native();
        if (token(native) != host) {
            EXPECT_EQ(seccomp_arch_add(context_, token(native)), 0);
            EXPECT_EQ(seccomp_arch_remove(context_, host), 0);
        }
        if (!filter.architectures.empty()) {
            EXPECT_EQ(seccomp_arch_add(context_, token(sibling(native))), 0);
        }
        seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        for (const SyscallRule& rule : filter.rules) {
            for (const std::string& name : rule.names) add(rule, name);
        }
    }
    Libseccomp(const Libseccomp&) = delete;
    Libseccomp& operator=(const Libseccomp&) = delete;
    ~Libseccomp() { seccomp_release(context_); }

    std::vector<BpfInstruction> program() const {
        std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
        EXPECT_EQ(seccomp_export_bpf(context_, fileno(file.get())), 0);
        std::rewind(file.get());
        std::vector<BpfInstruction> program(kMaxInstructions);
        program.resize(
            std::fread(program.data(), sizeof(BpfInstruction), program.size(), file.get()));
        return program;
    }

private:
    void add(const SyscallRule& rule, const std::string& name) {
        int number = seccomp_syscall_resolve_name(name.c_str());
        if (number == __NR_SCMP_ERROR) return;  // newer than this libseccomp
        for (const auto& tests : comparisons(rule.tests)) {
            int rc = seccomp_rule_add_array(context_, libseccomp_action(rule), number,
                                            static_cast<unsigned>(tests.size()), tests.data());
            EXPECT_TRUE(rc == 0 || rc == -EEXIST) << name << ": " << rc;
        }
    }

    scmp_filter_ctx context_;
};

// Zero arguments; and for every test of the filter, its argument around the test's values.
std::vector<std::array<std::uint64_t, 6>> argument_vectors(const SeccompFilter& filter,
                                                           bool narrow) {
    std::set<std::array<std::uint64_t, 6>> vectors = {{}};
    for (const SyscallRule& rule : filter.rules) {
        for (const ArgumentTest& test : rule.tests) {
            for (std::uint64_t value : test::values_around(test)) {
                std::array<std::uint64_t, 6> vector{};
                vector[test.index] = narrow ? value & 0xffffffff : value;
                vectors.insert(vector);
            }
        }
    }
    return {vectors.begin(), vectors.end()};
}

// Numbers that both sides know: libseccomp refuses like any other call what is newer than itself.
bool known_to_both(Architecture architecture, std::uint32_t number) {
    auto numbers = tree_table().numbers(architecture);
    char* name = seccomp_syscall_resolve_num_arch(token(architecture), static_cast<int>(number));
    bool known = name != nullptr;
    std::free(name);
    return known && std::ranges::binary_search(numbers, number);
}

// Calls whose arguments the filter looks at.
std::set<std::uint32_t> tested_numbers(const SeccompFilter& filter, Architecture architecture) {
    std::set<std::uint32_t> numbers;
    for (const SyscallRule& rule : filter.rules) {
        if (rule.tests.empty()) continue;
        for (const std::string& name : rule.names) {
            auto number = tree_table().number(*tree_table().find(name), architecture);
            if (number) numbers.insert(*number);
        }
    }
    return numbers;
}

void expect_same(const SeccompFilter& filter, Architecture native, Architecture architecture) {
    auto reference = Libseccomp(filter, native).program();
    auto compiled = compile(filter, native, tree_table());
    ASSERT_TRUE(compiled) << compiled.error().text();
    auto vectors = argument_vectors(filter, is_32_bit(architecture));
    auto tested = tested_numbers(filter, architecture);
    for (std::uint32_t number = 0; number <= 600; ++number) {
        bool known = known_to_both(architecture, number);
        for (std::size_t i = 0; i < vectors.size(); ++i) {
            if (i > 2 && !tested.contains(number)) break;
            const auto& arguments = vectors[i];
            SeccompData data = call(architecture, number);
            data.arguments = arguments;
            std::uint32_t ours = evaluate(compiled->program, data)->action;
            if (!known) {
                ASSERT_EQ(ours, test::interpret(filter, native, data)) << number;
                continue;
            }
            ASSERT_EQ(ours, evaluate(reference, data)->action)
                << "number " << number << " of " << architecture_name(architecture) << " with "
                << arguments[0] << ", " << arguments[1] << ", " << arguments[2];
        }
    }
}

void expect_same(const SeccompFilter& filter) {
    for (Architecture native : {Architecture::x86_64, Architecture::aarch64}) {
        for (Architecture architecture : {native, sibling(native)}) {
            expect_same(filter, native, architecture);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
}

TEST(AgainstLibseccomp, TheDefaultListWithTheDefaultCapabilities) {
    SeccompFilter filter = filter_for(tree_policy(), default_capabilities(), Architecture::x86_64);
    filter.architectures = {"SCMP_ARCH_X86", "SCMP_ARCH_ARM"};
    expect_same(filter);
}

TEST(AgainstLibseccomp, TheDefaultListWithNoneAndWithAllCapabilities) {
    for (CapabilitySet set : {CapabilitySet{0}, kAllCapabilities}) {
        SCOPED_TRACE(set);
        SeccompFilter filter = filter_for(tree_policy(), set, Architecture::x86_64);
        filter.architectures = {"SCMP_ARCH_X86", "SCMP_ARCH_ARM"};
        expect_same(filter);
        if (HasFatalFailure()) return;
    }
}

TEST(AgainstLibseccomp, EachCapabilityByItself) {
    for (int capability = 0; capability < kCapabilityCount; ++capability) {
        SCOPED_TRACE(capability_name(capability));
        SeccompFilter filter = filter_for(tree_policy(), bit(capability), Architecture::x86_64);
        filter.architectures = {"SCMP_ARCH_X86"};
        // The rules with arguments are compared above.
        std::erase_if(filter.rules, [](const SyscallRule& rule) { return !rule.tests.empty(); });
        expect_same(filter, Architecture::x86_64, Architecture::x86_64);
        if (HasFatalFailure()) return;
    }
}

TEST(AgainstLibseccomp, EveryOperator) {
    for (std::uint64_t value :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{0x7fffffff}, std::uint64_t{0xffffffff},
          std::uint64_t{0x100000000}, std::uint64_t{0x1ffffffff}, ~std::uint64_t{0}}) {
        for (Compare compare :
             {Compare::not_equal, Compare::less, Compare::less_or_equal, Compare::equal,
              Compare::greater_or_equal, Compare::greater, Compare::masked_equal}) {
            SCOPED_TRACE("operator " + std::to_string(int(compare)) + " value " +
                         std::to_string(value));
            SeccompFilter filter;
            filter.newer_calls = NewerCalls::as_default;
            filter.rules.push_back({{"read"}, Action::allow, {}, {{1, compare, value, 0}}});
            if (compare == Compare::masked_equal)
                filter.rules[0].tests[0].value_two = value & 0x5555555555555555;
            expect_same(filter, Architecture::x86_64, Architecture::x86_64);
            if (HasFatalFailure()) return;
        }
    }
}

TEST(AgainstLibseccomp, SeveralArgumentsAndActions) {
    SeccompFilter filter;
    filter.default_action = Action::allow;
    filter.architectures = {"SCMP_ARCH_X86"};
    filter.rules.push_back(
        {{"socket"}, Action::error, 97, {{0, Compare::equal, 16, 0}, {2, Compare::equal, 9, 0}}});
    filter.rules.push_back({{"mount", "umount2"}, Action::kill_process, {}, {}});
    filter.rules.push_back({{"ioctl"}, Action::error, 1, {{1, Compare::equal, 0x5412, 0}}});
    filter.rules.push_back({{"ioctl"}, Action::trap, {}, {{1, Compare::equal, 0x541c, 0}}});
    filter.rules.push_back({{"personality"}, Action::log, {}, {{0, Compare::greater, 8, 0}}});
    filter.rules.push_back({{"ptrace"}, Action::trace, 5, {}});
    filter.rules.push_back({{"bpf"}, Action::notify, {}, {}});
    expect_same(filter, Architecture::x86_64, Architecture::x86_64);
}

TEST(AgainstLibseccomp, CallsThatI386Multiplexes) {
    SeccompFilter filter;
    filter.architectures = {"SCMP_ARCH_X86"};
    filter.newer_calls = NewerCalls::as_default;
    filter.rules.push_back({{"read", "socket", "bind", "shmget", "semctl"}, Action::allow, {}, {}});
    auto reference = Libseccomp(filter, Architecture::x86_64).program();
    auto compiled = compile(filter, Architecture::x86_64, tree_table());
    ASSERT_TRUE(compiled);
    for (const char* name : {"socketcall", "ipc"}) {
        for (std::uint64_t which = 0; which < 40; ++which) {
            SeccompData data = call(Architecture::i386, name, {which});
            EXPECT_EQ(evaluate(compiled->program, data)->action, evaluate(reference, data)->action)
                << name << " " << which;
        }
    }
    expect_same(filter, Architecture::x86_64, Architecture::i386);
}

TEST(AgainstLibseccomp, NumbersOfEveryName) {
    for (std::size_t i = 0; i < tree_table().size(); ++i) {
        std::string name(tree_table().name(i));
        for (int a = 0; a < kArchitectureCount; ++a) {
            auto ours = tree_table().number(i, static_cast<Architecture>(a));
            if (!ours) continue;
            char* theirs = seccomp_syscall_resolve_num_arch(kTokens[a], static_cast<int>(*ours));
            bool newer = *ours > 456 || name == "uretprobe" || name == "uprobe";
            if (theirs || !newer || *ours >= 0xf0000) {
                EXPECT_STREQ(theirs, name.c_str()) << *ours;
            }
            std::free(theirs);
        }
    }
}

}  // namespace
}  // namespace crank::policy
