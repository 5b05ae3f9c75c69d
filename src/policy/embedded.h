// The constants that policy_generate makes of policy/*.json. For this room's own sources alone.
#pragma once

#include <string_view>

#include "policy/bpf.h"
#include "policy/capability.h"

namespace crank::policy {
#include "policy_data.inc"
}  // namespace crank::policy
