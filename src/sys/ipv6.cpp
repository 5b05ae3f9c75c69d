#include "sys/ipv6.h"

#include <arpa/inet.h>

#include "base/text.h"
#include "sys/ip_bytes.h"

namespace crank::sys {

namespace {

constexpr int kBits = 128;

// The bits of byte `index` that belong to a prefix of that length.
std::uint8_t mask_of(int length, std::size_t index) {
    int bits = length - static_cast<int>(index) * 8;
    if (bits >= 8) return 0xff;
    if (bits <= 0) return 0;
    return static_cast<std::uint8_t>(0xff << (8 - bits));
}

}  // namespace

std::string Ipv6::text() const {
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
    return text;
}

Ipv6 Ipv6::plus(std::uint64_t offset) const {
    Ipv6 sum = *this;
    std::uint64_t carry = offset;
    for (std::size_t i = sum.bytes.size(); i-- > 0 && carry != 0;) {
        carry += sum.bytes[i];
        sum.bytes[i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
    return sum;
}

bool Ipv6Prefix::contains(const Ipv6& address) const {
    for (std::size_t i = 0; i < address.bytes.size(); ++i)
        if (((address.bytes[i] ^ base.bytes[i]) & mask_of(length, i)) != 0) return false;
    return true;
}

bool Ipv6Prefix::overlaps(const Ipv6Prefix& other) const {
    return contains(other.base) || other.contains(base);
}

std::string Ipv6Prefix::text() const { return base.text() + "/" + std::to_string(length); }

std::optional<Ipv6> parse_ipv6(std::string_view text) {
    Ipv6 address;
    if (::inet_pton(AF_INET6, std::string(text).c_str(), address.bytes.data()) != 1 ||
        text.find('\0') != std::string_view::npos)
        return std::nullopt;
    return address;
}

std::optional<Ipv6Prefix> parse_ipv6_prefix(std::string_view text) {
    std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto base = parse_ipv6(text.substr(0, slash));
    std::string_view digits = text.substr(slash + 1);
    auto length = parse_int(digits);
    bool plain =
        !digits.empty() && digits.find_first_not_of("0123456789") == std::string_view::npos;
    if (!base || !plain || !length || *length > kBits) return std::nullopt;
    Ipv6Prefix prefix{*base, static_cast<int>(*length)};
    for (std::size_t i = 0; i < base->bytes.size(); ++i)
        if ((base->bytes[i] & ~mask_of(prefix.length, i)) != 0) return std::nullopt;
    return prefix;
}

std::optional<IpBytes> ip_bytes(const std::string& text) {
    IpBytes ip;
    for (int family : {AF_INET, AF_INET6}) {
        if (::inet_pton(family, text.c_str(), ip.bytes.data()) != 1) continue;
        ip.family = static_cast<std::uint16_t>(family);
        return ip;
    }
    return std::nullopt;
}

}  // namespace crank::sys
