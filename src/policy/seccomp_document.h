// policy/seccomp-*.json and policy/syscalls.json as people write them. Read when crank is
// built and by tests; never when it runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/seccomp_policy.h"
#include "policy/syscall_table.h"

namespace crank::policy {

// The names and numbers of syscalls.json; `table` views what this object owns.
struct SyscallDocument {
    std::string text;
    std::vector<SyscallEntry> entries;

    SyscallTable table() const { return {text, entries}; }
};

// Error: invalid_argument for a number that stands twice, a malformed value or an unknown field.
Result<SyscallDocument> parse_syscalls(std::string_view json);

// The format, rule by rule:
//   name                 what the rule is about; each name once
//   why                  the reason, required
//   action               "allow", or "error" with errno "EPERM" or "ENOSYS"
//   with_capability      only for containers whose bounding set holds it
//   without_capability   only for containers whose bounding set lacks it
//   arguments            tests that must all hold, none for an index twice:
//                        {"index": 0, "is": "in", "values": [1, [5, 9], "0x20"]} (pairs are ranges,
//                        both ends included), {"index": 0, "is": "masked", "mask": .., "value": ..}
//   syscalls             names; each must stand in `known`, or the rule has a typing error
// Error: invalid_argument, naming the rule.
Result<SeccompPolicy> parse_seccomp(std::string_view json, const SyscallTable& known);

}  // namespace crank::policy
