// The old in-kernel tables of iptables-legacy (linux/netfilter_ipv4/ip_tables.h), read only.
#pragma once

#include <cstdint>

#include "base/error.h"

namespace crank::sys {

enum class LegacyChain : std::uint8_t { input, forward };

// Whether the policy of chain INPUT or FORWARD in the legacy table `filter` is to drop. false where
// the table is not in use: asking the kernel for it would bring it into being.
Result<bool> legacy_drops(LegacyChain chain);

}  // namespace crank::sys
