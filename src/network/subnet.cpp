#include "network/subnet.h"

#include <array>
#include <string>

namespace crank::network {

namespace {

constexpr int kWidestClaim = 8;
constexpr int kSmallestSubnet = 29;

constexpr sys::Ipv4Prefix range(std::uint32_t a, std::uint32_t b, std::uint32_t c, int length) {
    return {{a << 24 | b << 16 | c << 8}, length};
}

// Several ranges from 10/8, for hosts with several state directories. None that another engine
// takes without looking: podman 10.88.0.0/16 and 10.89.0.0/16 upwards,
// Kubernetes 10.42, 10.43, 10.96/12 and 10.244.
constexpr std::array kCandidates = {
    range(10, 188, 0, 16), range(10, 189, 0, 16),    range(10, 190, 0, 16),
    range(10, 191, 0, 16), range(10, 192, 0, 16),    range(10, 193, 0, 16),
    range(10, 194, 0, 16), range(10, 195, 0, 16),    range(172, 30, 0, 16),
    range(172, 29, 0, 16), range(192, 168, 208, 20), range(192, 168, 176, 20),
    range(10, 196, 0, 16), range(10, 197, 0, 16),    range(10, 198, 0, 16),
    range(10, 199, 0, 16), range(10, 200, 0, 16),    range(10, 201, 0, 16),
    range(10, 202, 0, 16), range(10, 203, 0, 16),    range(10, 204, 0, 16),
};

}  // namespace

std::span<const sys::Ipv4Prefix> subnet_candidates() { return kCandidates; }

Result<sys::Ipv4Prefix> parse_subnet(std::string_view text) {
    auto subnet = sys::parse_ipv4_prefix(text);
    std::string what = "invalid subnet '" + std::string(text) + "': ";
    if (!subnet) {
        return fail(
            Error(Code::invalid_argument, what + "it is no IPv4 range whose host part is zero")
                .with_hint("write it like 10.88.0.0/16"));
    }
    if (subnet->length < kWidestClaim || subnet->length > kSmallestSubnet) {
        return fail(Error(Code::invalid_argument, what + "its length is not between /8 and /29")
                        .with_hint("write it like 10.88.0.0/16"));
    }
    return *subnet;
}

std::optional<sys::Ipv4Prefix> find_overlap(const sys::Ipv4Prefix& subnet,
                                            std::span<const sys::Ipv4Prefix> taken) {
    for (const auto& other : taken)
        if (other.length >= kWidestClaim && subnet.overlaps(other)) return other;
    return std::nullopt;
}

Result<sys::Ipv4Prefix> choose_subnet(std::span<const sys::Ipv4Prefix> taken) {
    for (const auto& candidate : kCandidates)
        if (!find_overlap(candidate, taken)) return candidate;
    return fail(
        Error(Code::exhausted, "every built-in range for containers overlaps a route of this host")
            .with_hint("name a free range in the configuration: network.subnet; the "
                       "routes: ip route show table all"));
}

Result<sys::Ipv4Prefix> choose_network_subnet(std::span<const sys::Ipv4Prefix> taken) {
    constexpr std::uint32_t kFirst = 205, kLast = 223, kPerSecond = 256;
    for (std::uint32_t second = kFirst; second <= kLast; ++second)
        for (std::uint32_t third = 0; third < kPerSecond; ++third) {
            auto candidate = range(10, second, third, 24);
            if (!find_overlap(candidate, taken)) return candidate;
        }
    return fail(Error(Code::exhausted, "every built-in range for networks is taken")
                    .with_hint("name a free one: crank network create --subnet RANGE NAME; the "
                               "routes: ip route show table all"));
}

}  // namespace crank::network
