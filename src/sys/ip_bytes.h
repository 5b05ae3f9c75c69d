// The bytes of an IP address of either kind, for those who speak to the kernel themselves.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace crank::sys {

struct IpBytes {
    std::uint16_t family = 0;                 // AF_INET, AF_INET6
    std::array<std::uint8_t, 16> bytes = {};  // network byte order; of IPv4 the first four
};
std::optional<IpBytes> ip_bytes(const std::string& text);

}  // namespace crank::sys
