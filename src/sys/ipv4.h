// IPv4 addresses and prefixes as values, in host byte order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crank::sys {

struct Ipv4 {
    std::uint32_t value = 0;  // 10.88.0.1 is 0x0a580001

    std::string text() const;
    bool operator==(const Ipv4&) const = default;
};

// A range of addresses: "10.88.0.0/16". The bits behind the prefix are zero.
struct Ipv4Prefix {
    Ipv4 base;
    int length = 0;  // 0..32

    std::uint32_t mask() const;
    std::uint64_t size() const { return std::uint64_t{1} << (32 - length); }
    bool contains(Ipv4 address) const { return (address.value & mask()) == base.value; }
    bool overlaps(const Ipv4Prefix& other) const;
    std::string text() const;
    bool operator==(const Ipv4Prefix&) const = default;
};

// Four decimal parts without leading zeros ("010" means 8 to some programs and 10 to others).
std::optional<Ipv4> parse_ipv4(std::string_view text);
// Fails too when bits behind the prefix are set.
std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text);
// A literal IPv6 address without zone and brackets.
bool is_ipv6(const std::string& text);

}  // namespace crank::sys
