// linux.seccomp of a runtime spec as a filter program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "policy/policy.h"

namespace crank::runtime {

struct LoadedFilter {
    policy::SeccompProgram program;
    std::uint64_t flags = 0;                 // SECCOMP_FILTER_FLAG_*
    bool listens = false;                    // its listener goes to linux.seccomp.listenerPath
    std::vector<std::string> unknown_names;  // of calls that no architecture has: ignored
};
// Pure. Errors: invalid_argument with the JSON path of what is wrong.
Result<LoadedFilter> compile_spec(const oci::Seccomp& seccomp);

}  // namespace crank::runtime
