// Random filters, compiled and run, against the plain reading of their rules.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "policy/compiler.h"
#include "policy/seccomp_test_support.h"

namespace crank::policy {
namespace {

using test::call;
using test::interpret;
using test::tree_table;

class RandomFilters {
public:
    explicit RandomFilters(unsigned seed) : random_(seed) {}

    SeccompFilter filter() {
        SeccompFilter filter;
        filter.default_action = action();
        filter.default_errno_ret = errno_ret();
        filter.newer_calls = static_cast<NewerCalls>(below(3));
        if (below(2) == 0) filter.architectures.emplace_back("SCMP_ARCH_X86");
        if (below(2) == 0) filter.architectures.emplace_back("SCMP_ARCH_ARM");
        for (unsigned rules = below(8); rules > 0; --rules) filter.rules.push_back(rule());
        return filter;
    }

    std::uint64_t value() {
        constexpr std::uint64_t kEdges[] = {0,
                                            1,
                                            2,
                                            0x7fffffff,
                                            0x80000000,
                                            0xfffffffe,
                                            0xffffffff,
                                            0x100000000,
                                            0x100000001,
                                            0x1ffffffff,
                                            0x7fffffffffffffff,
                                            0xffffffff00000000,
                                            0xffffffff7fffffff,
                                            0xffffffff80000000,
                                            ~std::uint64_t{1},
                                            ~std::uint64_t{0}};
        if (below(8) == 0) return random_() * (std::uint64_t{1} << 32) + random_();
        return kEdges[below(std::size(kEdges))];
    }

    const std::string& name() {
        static const std::vector<std::string> kNames = {
            "read",  "write", "open",   "socket",    "socketcall", "connect",   "ipc",
            "shmat", "clone", "openat", "statmount", "set_tls",    "not_a_call"};
        return kNames[below(kNames.size())];
    }

    unsigned below(std::size_t limit) { return static_cast<unsigned>(random_() % limit); }

private:
    Action action() { return static_cast<Action>(below(8)); }
    std::optional<unsigned> errno_ret() {
        return below(2) == 0 ? std::nullopt : std::optional(below(4096));
    }

    ArgumentTest argument_test() {
        ArgumentTest test{below(3), static_cast<Compare>(below(8)), value(), value()};
        // Half of the masks can match.
        if (test.compare == Compare::masked_equal && below(2) == 0) test.value_two &= test.value;
        return test;
    }

    SyscallRule rule() {
        SyscallRule rule{{name()}, action(), errno_ret(), {}};
        for (unsigned more = below(3); more > 0; --more) rule.names.push_back(name());
        for (unsigned tests = below(4); tests > 0; --tests) rule.tests.push_back(argument_test());
        // Rules on one argument alone take another way through the compiler.
        if (below(2) == 0)
            for (ArgumentTest& test : rule.tests) test.index = 0;
        return rule;
    }

    std::mt19937 random_;
};

// Every call that the filter names, and its neighbours.
std::vector<std::uint32_t> numbers_of(const SeccompFilter& filter, Architecture architecture) {
    std::set<std::uint32_t> numbers = {0, 469, 470, 0x3fffffff, 0x40000000, 0xffffffff};
    for (const SyscallRule& rule : filter.rules) {
        for (const std::string& name : rule.names) {
            auto index = tree_table().find(name);
            auto number = index ? tree_table().number(*index, architecture) : std::nullopt;
            if (number) numbers.insert({*number - 1, *number, *number + 1});
        }
    }
    return {numbers.begin(), numbers.end()};
}

void compare(const SeccompFilter& filter, Architecture native, Architecture architecture,
             const std::vector<BpfInstruction>& program, RandomFilters& random, int attempts) {
    for (std::uint32_t number : numbers_of(filter, architecture)) {
        for (int attempt = 0; attempt < attempts; ++attempt) {
            SeccompData data = call(architecture, number);
            for (std::uint64_t& argument : data.arguments) {
                argument = random.value();
                if (is_32_bit(architecture)) argument &= 0xffffffff;
            }
            if (random.below(4) == 0) data.arguments[0] = random.below(25);
            auto verdict = evaluate(program, data);
            ASSERT_TRUE(verdict) << verdict.error().text();
            ASSERT_EQ(verdict->action, interpret(filter, native, data))
                << "number " << number << " of " << architecture_name(architecture) << " with "
                << data.arguments[0] << ", " << data.arguments[1] << ", " << data.arguments[2];
        }
    }
}

TEST(CompilerProperty, ProgramsDecideAsTheirRulesRead) {
    RandomFilters random(20251116);
    for (int round = 0; round < 600; ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        SeccompFilter filter = random.filter();
        for (Architecture native : {Architecture::x86_64, Architecture::aarch64}) {
            auto compiled = compile(filter, native, tree_table());
            ASSERT_TRUE(compiled) << compiled.error().text();
            compare(filter, native, native, compiled->program, random, 24);
            compare(filter, native, sibling(native), compiled->program, random, 24);
            if (HasFatalFailure()) return;
        }
    }
}

// Programs longer than a jump reaches, so that returns repeat and stepping stones appear.
TEST(CompilerProperty, LongProgramsDecideAsTheirRulesRead) {
    RandomFilters random(7);
    for (int round = 0; round < 3; ++round) {
        SeccompFilter filter = random.filter();
        for (int more = 0; more < 20; ++more) {
            SeccompFilter other = random.filter();
            std::ranges::move(other.rules, std::back_inserter(filter.rules));
        }
        for (std::size_t i = 0; i < tree_table().size(); i += 2)
            filter.rules.push_back({{std::string(tree_table().name(i))}, Action::error, i, {}});
        auto compiled = compile(filter, Architecture::x86_64, tree_table());
        ASSERT_TRUE(compiled) << compiled.error().text();
        EXPECT_GT(compiled->program.size(), 512U);
        compare(filter, Architecture::x86_64, Architecture::x86_64, compiled->program, random, 2);
        compare(filter, Architecture::x86_64, Architecture::i386, compiled->program, random, 2);
        if (HasFatalFailure()) return;
    }
}

}  // namespace
}  // namespace crank::policy
