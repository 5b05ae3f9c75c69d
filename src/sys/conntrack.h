// What the kernel remembers of connections (linux/netfilter/nfnetlink_conntrack.h).
#pragma once

#include <vector>

#include "base/error.h"
#include "sys/ipv4.h"

namespace crank::sys {

// Of datagrams that were sent to `address` and led to another than these: whoever goes on sending
// is led anew. At the cost of all connections of this network namespace. Errors: unsupported
// kernels'.
Result<> forget_datagrams(Ipv4 address, const std::vector<Ipv4>& led_to);

}  // namespace crank::sys
