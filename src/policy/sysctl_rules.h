// The rows of policy/sysctls.json.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace crank::policy {

enum class SysctlNamespace : std::uint8_t { ipc, network, uts };
inline constexpr std::string_view kSysctlNamespaceWords[] = {"ipc", "network", "uts"};

struct SysctlRule {
    std::string_view name;  // one that ends in a dot: all below it
    SysctlNamespace kind;
};

// What is compiled in. Static storage.
std::span<const SysctlRule> sysctl_rules();

}  // namespace crank::policy
