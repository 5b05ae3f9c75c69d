// Linux capabilities by name and number, and sets of them (capabilities(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::policy {

// Bit n is capability n, the kernel's own numbering.
using CapabilitySet = std::uint64_t;

// CAP_CHOWN (0) to CAP_CHECKPOINT_RESTORE (40), all that Linux 6.18 knows. A kernel may know
// fewer: what it does not know cannot be granted and need not be dropped.
inline constexpr int kCapabilityCount = 41;
inline constexpr CapabilitySet kAllCapabilities = (CapabilitySet{1} << kCapabilityCount) - 1;

constexpr CapabilitySet bit(int capability) { return CapabilitySet{1} << capability; }
constexpr bool contains(CapabilitySet set, int capability) { return (set >> capability) & 1; }

// "CAP_SYS_ADMIN"; `capability` in 0 to kCapabilityCount - 1.
std::string_view capability_name(int capability);
// "CAP_SYS_ADMIN", "sys_admin", "Sys_Admin"; nothing for other words.
std::optional<int> capability_number(std::string_view name);
// In order of number: what a config.json lists.
std::vector<std::string> capability_names(CapabilitySet set);
// Error: invalid_argument, with a did-you-mean.
Result<CapabilitySet> capability_set(std::span<const std::string> names);

// --cap-add and --cap-drop as Docker combines them: `add` containing ALL starts from every
// capability and takes `drop` away; `drop` containing ALL leaves `add` alone; otherwise base
// without `drop`, then with `add`. Error: invalid_argument for an unknown name, or for ALL in both.
Result<CapabilitySet> adjust_capabilities(CapabilitySet base, std::span<const std::string> add,
                                          std::span<const std::string> drop);

}  // namespace crank::policy
