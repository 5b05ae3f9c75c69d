// What the tests of the filter compiler share: the policy in the source tree, and a second,
// simple-minded opinion on what a filter says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "policy/evaluate.h"
#include "policy/seccomp_document.h"

namespace crank::policy::test {

// policy/syscalls.json of this source tree.
const SyscallTable& tree_table();
// policy/seccomp-default.json of this source tree.
const SeccompPolicy& tree_policy();

// What `filter` says of a call, by walking through its rules. Shares nothing with the compiler but
// the types and the table.
std::uint32_t interpret(const SeccompFilter& filter, Architecture native, const SeccompData& data);

SeccompData call(Architecture architecture, std::uint32_t number,
                 std::vector<std::uint64_t> arguments = {});
// By name; the test fails where the architecture lacks the call.
SeccompData call(Architecture architecture, const std::string& name,
                 std::vector<std::uint64_t> arguments = {});

// Values worth trying around a test's own.
std::vector<std::uint64_t> values_around(const ArgumentTest& test);

}  // namespace crank::policy::test
