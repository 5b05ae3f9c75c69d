// linux.seccomp of a runtime spec as a filter program.
#pragma once

#include "base/error.h"
#include "oci/runtime_spec.h"
#include "policy/policy.h"

namespace crank::runtime {

// Pure. Errors: invalid_argument with the JSON path of what is wrong.
Result<policy::SeccompProgram> compile_spec(const oci::Seccomp& seccomp);

}  // namespace crank::runtime
