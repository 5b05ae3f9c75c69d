// policy/seccomp-default.json as a value: rules with the capabilities they depend on.
#pragma once

#include <vector>

#include "policy/capability.h"
#include "policy/seccomp.h"

namespace crank::policy {

struct ConditionalRule {
    SyscallRule rule;
    CapabilitySet with = 0;     // applies where the container has all of these,
    CapabilitySet without = 0;  // and none of these
};

struct SeccompPolicy {
    SeccompFilter base;  // everything but the rules and the architectures
    std::vector<ConditionalRule> rules;
    // Beside the native one: the siblings whose programs may run, for each native architecture.
    std::vector<Architecture> natives_with_sibling;
};

// What the policy says to a container with this bounding set on a kernel of `native`.
SeccompFilter filter_for(const SeccompPolicy& policy, CapabilitySet bounding, Architecture native);

}  // namespace crank::policy
