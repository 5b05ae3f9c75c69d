#include "policy/seccomp_test_support.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace crank::policy::test {
namespace {

constexpr std::uint32_t kEnosysWord = 0x00050000 | 38;

std::string tree_file(const std::string& name) {
    std::ifstream file(std::string(CRANK_SOURCE_DIR) + "/policy/" + name);
    std::ostringstream content;
    content << file.rdbuf();
    EXPECT_TRUE(file) << name;
    return content.str();
}

std::uint32_t word(Action action, std::optional<unsigned> data) {
    switch (action) {
        case Action::kill_process: return 0x80000000;
        case Action::kill_thread: return 0;
        case Action::trap: return 0x00030000;
        case Action::error: return 0x00050000 + data.value_or(1);
        case Action::notify: return 0x7fc00000;
        case Action::trace: return 0x7ff00000 + data.value_or(1);
        case Action::log: return 0x7ffc0000;
        case Action::allow: return 0x7fff0000;
    }
    return 0;
}

// A rule's value in a 32-bit register: negative numbers lose their upper half.
std::uint64_t in_register(std::uint64_t value, bool narrow) {
    auto number = static_cast<std::int64_t>(value);
    if (narrow && number < 0 && number >= INT32_MIN) return static_cast<std::uint32_t>(value);
    return value;
}

bool holds(const ArgumentTest& test, std::uint64_t argument, bool narrow) {
    std::uint64_t value = in_register(test.value, narrow);
    std::uint64_t second = in_register(test.value_two, narrow);
    switch (test.compare) {
        case Compare::not_equal: return argument != value;
        case Compare::less: return argument < value;
        case Compare::less_or_equal: return argument <= value;
        case Compare::equal: return argument == value;
        case Compare::greater_or_equal: return argument >= value;
        case Compare::greater: return argument > value;
        case Compare::masked_equal: return (argument & test.value) == second;
        case Compare::in_range: return argument >= value && argument <= second;
    }
    return false;
}

bool matches(const SyscallRule& rule, const SeccompData& data, bool narrow) {
    std::set<unsigned> indices;
    unsigned held = 0;
    for (const ArgumentTest& test : rule.tests) {
        indices.insert(test.index);
        if (holds(test, data.arguments[test.index], narrow)) ++held;
    }
    bool each_by_itself = indices.size() < rule.tests.size();
    return each_by_itself ? held > 0 : held == rule.tests.size();
}

// Whether a name of the filter speaks of this call: 1 as such, 2 through a multiplexer.
int names_call(const std::string& name, Architecture architecture, const SeccompData& data) {
    auto index = tree_table().find(name);
    if (!index) return 0;
    auto number = static_cast<std::uint32_t>(data.number);
    if (tree_table().number(*index, architecture) == number) return 1;
    if (architecture != Architecture::i386) return 0;
    auto by_way_of = multiplexed_on_i386(name);
    if (!by_way_of || data.arguments[0] != by_way_of->call) return 0;
    auto multiplexer = tree_table().find(by_way_of->multiplexer);
    return tree_table().number(*multiplexer, architecture) == number ? 2 : 0;
}

std::uint32_t interpret_default(const SeccompFilter& filter, Architecture architecture,
                                std::uint32_t number) {
    std::uint32_t action = word(filter.default_action, filter.default_errno_ret);
    bool denies = filter.default_action == Action::error || filter.default_action == Action::trap ||
                  filter.default_action == Action::kill_thread ||
                  filter.default_action == Action::kill_process;
    if (!denies) return action;
    if (filter.newer_calls == NewerCalls::enosys_if_unknown) {
        auto known = tree_table().numbers(architecture);
        return std::ranges::count(known, number) != 0 ? action : kEnosysWord;
    }
    if (filter.newer_calls == NewerCalls::as_default) return action;
    bool any = false;
    for (const SyscallRule& rule : filter.rules) {
        for (const std::string& name : rule.names) {
            auto index = tree_table().find(name);
            auto named = index ? tree_table().number(*index, architecture) : std::nullopt;
            auto by_way_of = multiplexed_on_i386(name);
            bool also_multiplexed =
                architecture == Architecture::i386 && index && by_way_of && rule.tests.empty();
            if (also_multiplexed) {
                auto other =
                    tree_table().number(*tree_table().find(by_way_of->multiplexer), architecture);
                if (!named || *other > *named) named = other;
            }
            if (!named) continue;
            any = true;
            if (*named >= number) return action;
        }
    }
    return any ? kEnosysWord : action;
}

}  // namespace

const SyscallTable& tree_table() {
    static const SyscallDocument document = [] {
        auto parsed = parse_syscalls(tree_file("syscalls.json"));
        EXPECT_TRUE(parsed) << parsed.error().text();
        return *parsed;
    }();
    static const SyscallTable table = document.table();
    return table;
}

const SeccompPolicy& tree_policy() {
    static const SeccompPolicy policy = [] {
        auto parsed = parse_seccomp(tree_file("seccomp-default.json"), tree_table());
        EXPECT_TRUE(parsed) << parsed.error().text();
        return *parsed;
    }();
    return policy;
}

std::uint32_t interpret(const SeccompFilter& filter, Architecture native, const SeccompData& data) {
    Architecture architecture = native;
    if (data.architecture != audit_architecture(native)) {
        architecture = sibling(native);
        bool listed =
            std::ranges::count(filter.architectures, architecture_name(architecture)) != 0;
        if (!listed || data.architecture != audit_architecture(architecture)) return 0x80000000;
    }
    auto number = static_cast<std::uint32_t>(data.number);
    if (native == Architecture::x86_64 && architecture == native && number >= 0x40000000)
        return kEnosysWord;
    std::optional<std::uint32_t> conditional;
    for (const SyscallRule& rule : filter.rules) {
        for (const std::string& name : rule.names) {
            int named = names_call(name, architecture, data);
            std::uint32_t action = word(rule.action, rule.errno_ret);
            if (named == 1 && rule.tests.empty()) return action;
            bool through = named == 2 && rule.tests.empty();
            bool matched = named == 1 && matches(rule, data, is_32_bit(architecture));
            if ((through || matched) && !conditional) conditional = action;
        }
    }
    return conditional.value_or(interpret_default(filter, architecture, number));
}

SeccompData call(Architecture architecture, std::uint32_t number,
                 std::vector<std::uint64_t> arguments) {
    SeccompData data{};
    data.number = static_cast<std::int32_t>(number);
    data.architecture = audit_architecture(architecture);
    std::ranges::copy(arguments, data.arguments.begin());
    return data;
}

SeccompData call(Architecture architecture, const std::string& name,
                 std::vector<std::uint64_t> arguments) {
    auto index = tree_table().find(name);
    EXPECT_TRUE(index) << name;
    auto number = index ? tree_table().number(*index, architecture) : std::nullopt;
    EXPECT_TRUE(number) << name;
    return call(architecture, number.value_or(0), std::move(arguments));
}

std::vector<std::uint64_t> values_around(const ArgumentTest& test) {
    std::set<std::uint64_t> values = {0, 1, 0xffffffff, ~std::uint64_t{0}};
    for (std::uint64_t value : {test.value, test.value_two}) {
        for (std::uint64_t near : {value - 1, value, value + 1, value ^ (std::uint64_t{1} << 32),
                                   value ^ 0x80000000, value & 0xffffffff, ~value})
            values.insert(near);
    }
    for (int bit = 0; bit < 64; ++bit) values.insert(std::uint64_t{1} << bit);
    return {values.begin(), values.end()};
}

}  // namespace crank::policy::test
