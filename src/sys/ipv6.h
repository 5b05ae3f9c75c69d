// IPv6 addresses and prefixes as values, in network byte order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crank::sys {

struct Ipv6 {
    std::array<std::uint8_t, 16> bytes{};

    std::string text() const;  // RFC 5952
    // The address so many further on.
    Ipv6 plus(std::uint64_t offset) const;
    bool operator==(const Ipv6&) const = default;
};

// "fd00:1::/64". The bits behind the prefix are zero.
struct Ipv6Prefix {
    Ipv6 base;
    int length = 0;  // 0..128

    bool contains(const Ipv6& address) const;
    bool overlaps(const Ipv6Prefix& other) const;
    std::string text() const;
    bool operator==(const Ipv6Prefix&) const = default;
};

// Without zone and brackets.
std::optional<Ipv6> parse_ipv6(std::string_view text);
// Fails too when bits behind the prefix are set.
std::optional<Ipv6Prefix> parse_ipv6_prefix(std::string_view text);

}  // namespace crank::sys
