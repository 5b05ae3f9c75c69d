// Actions as the kernel's return words.
#pragma once

#include <cstdint>
#include <optional>

#include "policy/seccomp.h"

namespace crank::policy {

// SECCOMP_RET_* with its data. `errno_ret` counts for error and trace; EPERM when absent.
std::uint32_t action_word(Action action, std::optional<unsigned> errno_ret);

}  // namespace crank::policy
