#include "policy/seccomp_policy.h"

#include <algorithm>

#include "policy/syscall_table.h"

namespace crank::policy {

SeccompFilter filter_for(const SeccompPolicy& policy, CapabilitySet bounding, Architecture native) {
    SeccompFilter filter = policy.base;
    if (std::ranges::find(policy.natives_with_sibling, native) != policy.natives_with_sibling.end())
        filter.architectures.emplace_back(architecture_name(sibling(native)));
    for (const ConditionalRule& conditional : policy.rules) {
        bool applies = (conditional.with & ~bounding) == 0 && (conditional.without & bounding) == 0;
        if (applies) filter.rules.push_back(conditional.rule);
    }
    return filter;
}

}  // namespace crank::policy
