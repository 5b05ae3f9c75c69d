#include "sys/ipv4.h"

#include <arpa/inet.h>

namespace crank::sys {

namespace {

// Takes digits from the front of `text`: a decimal number up to `limit` without leading zeros.
std::optional<std::uint32_t> take_number(std::string_view& text, std::uint32_t limit) {
    std::uint32_t value = 0;
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
        value = value * 10 + static_cast<std::uint32_t>(text[digits] - '0');
        if (value > limit) return std::nullopt;
        ++digits;
    }
    if (digits == 0 || (digits > 1 && text[0] == '0')) return std::nullopt;
    text.remove_prefix(digits);
    return value;
}

}  // namespace

std::string Ipv4::text() const {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) {
        out += std::to_string((value >> shift) & 0xff);
        if (shift != 0) out += '.';
    }
    return out;
}

std::uint32_t Ipv4Prefix::mask() const {
    return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
}

bool Ipv4Prefix::overlaps(const Ipv4Prefix& other) const {
    return contains(other.base) || other.contains(base);
}

std::string Ipv4Prefix::text() const { return base.text() + "/" + std::to_string(length); }

std::optional<Ipv4> parse_ipv4(std::string_view text) {
    Ipv4 address;
    for (int part = 0; part < 4; ++part) {
        if (part != 0) {
            if (text.empty() || text[0] != '.') return std::nullopt;
            text.remove_prefix(1);
        }
        auto number = take_number(text, 255);
        if (!number) return std::nullopt;
        address.value = address.value << 8 | *number;
    }
    if (!text.empty()) return std::nullopt;
    return address;
}

std::optional<Ipv4Prefix> parse_ipv4_prefix(std::string_view text) {
    std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    auto base = parse_ipv4(text.substr(0, slash));
    std::string_view rest = text.substr(slash + 1);
    auto length = take_number(rest, 32);
    if (!base || !length || !rest.empty()) return std::nullopt;
    Ipv4Prefix prefix{*base, static_cast<int>(*length)};
    if (!prefix.contains(prefix.base)) return std::nullopt;
    return prefix;
}

bool is_ipv6(const std::string& text) {
    in6_addr address;
    return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

}  // namespace crank::sys
