// IP addresses in texts, without a system call. Internal.
#pragma once

#include <string_view>

namespace crank::compose {

// "10.0.0.1", "::1", "::ffff:10.0.0.1"; no zone, no brackets.
bool is_ip_address(std::string_view text);

}  // namespace crank::compose
