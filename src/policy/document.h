// policy/*.json: the rules as people write and review them, with their reasons. Read when crank is
// built (by tools/policy_generate.cpp) and by tests; never when it runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "policy/capability.h"
#include "policy/sysctl_rules.h"

namespace crank::policy {

struct CapabilityDocument {
    CapabilitySet defaults = 0;
};

struct PathDocument {
    std::vector<std::string> masked;      // absolute, as in the file
    std::vector<std::string> masked_cpu;  // with one "{cpu}"
    std::vector<std::string> readonly;
};

struct SysctlDocument {
    struct Rule {
        std::string name;
        SysctlNamespace kind;
    };
    std::vector<Rule> allowed;
};

// Every rule needs a `why` of at least a few words; an unknown field, a second mention or a
// malformed value is an error. Error: invalid_argument, naming the rule.
Result<CapabilityDocument> parse_capabilities(std::string_view json);
Result<PathDocument> parse_paths(std::string_view json);
Result<SysctlDocument> parse_sysctls(std::string_view json);

}  // namespace crank::policy
