#include <algorithm>
#include <map>

#include "policy/action_word.h"
#include "policy/bpf_code.h"
#include "policy/compiler.h"

namespace crank::policy {
namespace {

constexpr std::uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT

using RulesByNumber = std::map<std::uint32_t, std::vector<NumberedRule>>;

bool tests_an_argument_twice(const std::vector<ArgumentTest>& tests) {
    unsigned seen = 0;
    for (const ArgumentTest& test : tests) {
        if (seen & (1U << test.index)) return true;
        seen |= 1U << test.index;
    }
    return false;
}

void add_rule(std::vector<NumberedRule>& rules, const SyscallRule& rule) {
    std::uint32_t action = action_word(rule.action, rule.errno_ret);
    if (!tests_an_argument_twice(rule.tests)) {
        rules.push_back({action, rule.tests});
        return;
    }
    for (const ArgumentTest& test : rule.tests) rules.push_back({action, {test}});
}

void add_multiplexed(RulesByNumber& rules, const SyscallRule& rule, std::string_view name,
                     const SyscallTable& table) {
    auto by_way_of = multiplexed_on_i386(name);
    if (!by_way_of) return;
    auto index = table.find(by_way_of->multiplexer);
    if (!index) return;
    auto number = table.number(*index, Architecture::i386);
    ArgumentTest is_call{0, Compare::equal, by_way_of->call, 0};
    if (number) rules[*number].push_back({action_word(rule.action, rule.errno_ret), {is_call}});
}

RulesByNumber by_number(const SeccompFilter& filter, Architecture architecture,
                        const SyscallTable& table) {
    RulesByNumber rules;
    for (const SyscallRule& rule : filter.rules) {
        for (const std::string& name : rule.names) {
            auto index = table.find(name);
            if (!index) continue;
            if (auto number = table.number(*index, architecture)) add_rule(rules[*number], rule);
            if (architecture == Architecture::i386 && rule.tests.empty())
                add_multiplexed(rules, rule, name, table);
        }
    }
    return rules;
}

// The rules of one call in the order in which they decide.
CallRange decision(std::uint32_t number, std::vector<NumberedRule> rules,
                   std::uint32_t default_action) {
    auto whole =
        std::ranges::find_if(rules, [](const NumberedRule& rule) { return rule.tests.empty(); });
    if (whole != rules.end()) return {number, {}, whole->action};
    while (!rules.empty() && rules.back().action == default_action) rules.pop_back();
    return {number, std::move(rules), default_action};
}

// Whether a call that the filter could not know may be told apart from a refused one.
bool denies_by_default(const SeccompFilter& filter) {
    return filter.default_action == Action::kill_process ||
           filter.default_action == Action::kill_thread || filter.default_action == Action::trap ||
           filter.default_action == Action::error;
}

class Defaults {
public:
    Defaults(const SeccompFilter& filter, const RulesByNumber& rules,
             std::vector<std::uint32_t> known)
        : known_(std::move(known)),
          action_(action_word(filter.default_action, filter.default_errno_ret)),
          mode_(denies_by_default(filter) ? filter.newer_calls : NewerCalls::as_default) {
        if (rules.empty() && mode_ == NewerCalls::enosys_above_named)
            mode_ = NewerCalls::as_default;
        if (!rules.empty()) highest_named_ = rules.rbegin()->first;
    }

    std::uint32_t of(std::uint32_t number) const {
        bool newer = false;
        if (mode_ == NewerCalls::enosys_above_named) newer = number > highest_named_;
        if (mode_ == NewerCalls::enosys_if_unknown)
            newer = !std::ranges::binary_search(known_, number);
        return newer ? bpf::kReturnErrno | bpf::kEnosys : action_;
    }

    // Where the answer may change, beside the numbers that have rules.
    std::vector<std::uint32_t> points() const {
        if (mode_ == NewerCalls::enosys_above_named) return {highest_named_};
        if (mode_ == NewerCalls::enosys_if_unknown) return known_;
        return {};
    }

private:
    std::vector<std::uint32_t> known_;
    std::uint32_t action_;
    NewerCalls mode_;
    std::uint32_t highest_named_ = 0;
};

std::vector<std::uint32_t> starts(const RulesByNumber& rules, const Defaults& defaults) {
    std::vector<std::uint32_t> starts = {0};
    auto add = [&starts](std::uint32_t number) {
        starts.push_back(number);
        starts.push_back(number + 1);
    };
    for (const auto& [number, of_number] : rules) add(number);
    for (std::uint32_t number : defaults.points()) add(number);
    std::ranges::sort(starts);
    auto repeated = std::ranges::unique(starts);
    starts.erase(repeated.begin(), repeated.end());
    return starts;
}

}  // namespace

std::vector<CallRange> call_ranges(const SeccompFilter& filter, Architecture architecture,
                                   const SyscallTable& table) {
    RulesByNumber rules = by_number(filter, architecture, table);
    Defaults defaults(filter, rules, table.numbers(architecture));
    std::vector<CallRange> ranges;
    auto append = [&ranges](CallRange range) {
        if (ranges.empty() || !ranges.back().same_decision(range))
            ranges.push_back(std::move(range));
    };
    for (std::uint32_t number : starts(rules, defaults)) {
        auto found = rules.find(number);
        append(found == rules.end() ? CallRange{number, {}, defaults.of(number)}
                                    : decision(number, found->second, defaults.of(number)));
    }
    if (architecture == Architecture::x86_64)
        append({kX32Bit, {}, bpf::kReturnErrno | bpf::kEnosys});
    return ranges;
}

}  // namespace crank::policy
