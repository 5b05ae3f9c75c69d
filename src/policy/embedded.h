// The constants that policy_generate makes of policy/*.json. For policy.cpp alone.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy/bpf.h"
#include "policy/capability.h"
#include "policy/seccomp.h"
#include "policy/syscall_table.h"
#include "policy/sysctl_rules.h"

namespace crank::policy {

// A ConditionalRule without pointers: positions in kRuleNames and kRuleTests.
struct EmbeddedRule {
    CapabilitySet with;
    CapabilitySet without;
    Action action;
    int errno_ret;  // -1: none
    std::uint16_t first_name;
    std::uint16_t name_count;
    std::uint16_t first_test;
    std::uint16_t test_count;
};

#include "policy_data.inc"

}  // namespace crank::policy
