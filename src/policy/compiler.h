// The work behind compile(): rules by name -> rules by number -> a range tree -> instructions.
#pragma once

#include <vector>

#include "policy/assembler.h"
#include "policy/seccomp.h"
#include "policy/syscall_table.h"

namespace crank::policy {

// compile() against a given table; the room's own compile() uses the one built in.
Result<CompiledFilter> compile(const SeccompFilter& filter, Architecture native,
                               const SyscallTable& table);

// A rule for one call of one architecture, ready to be written: `tests` all hold -> `action`
// (SECCOMP_RET_* with its data).
struct NumberedRule {
    std::uint32_t action = 0;
    std::vector<ArgumentTest> tests;

    bool operator==(const NumberedRule&) const = default;
};

// What happens to the calls from `first` up to the next range's first: `rules` in order, then
// `otherwise`.
struct CallRange {
    std::uint32_t first = 0;
    std::vector<NumberedRule> rules;
    std::uint32_t otherwise = 0;

    bool same_decision(const CallRange& other) const {
        return rules == other.rules && otherwise == other.otherwise;
    }
};

// Every 32-bit number, in ascending ranges from 0; neighbours decide differently.
std::vector<CallRange> call_ranges(const SeccompFilter& filter, Architecture architecture,
                                   const SyscallTable& table);

// Code that decides a call by its arguments. `high_words`: registers have 64 bits.
Target write_argument_rules(Assembler& assembler, const std::vector<NumberedRule>& rules,
                            std::uint32_t otherwise, bool high_words);

// A balanced tree over the accumulator: ranges ascending, the first from 0. At least one.
struct RangeTarget {
    std::uint32_t first;
    Target target;
};
Target write_range_tree(Assembler& assembler, std::span<const RangeTarget> ranges);

}  // namespace crank::policy
