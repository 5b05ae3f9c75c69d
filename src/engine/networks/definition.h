// A network that somebody has defined: what it is, without whether it has a bridge just now. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::engine::networks {

struct Definition {
    std::string id;  // 64 hexadecimal digits
    std::string name;
    std::int64_t created_ns = 0;  // CLOCK_REALTIME
    // CIDR, and addresses; without IPv6 the last two are empty.
    std::string subnet, gateway, range, subnet6, gateway6;
    bool internal = false, attachable = false;
    std::map<std::string, std::string> options, labels;
    bool operator==(const Definition&) const = default;
};

// The command line of `network create`.
struct Asked {
    std::string name, driver = "bridge";
    std::vector<std::string> subnets, gateways, ranges;
    bool ipv6 = false, internal = false, attachable = false;
    std::map<std::string, std::string> options, labels;
};

// As Docker's: letters, digits, '_', '.' and '-', a letter or digit first.
Result<> check_name(std::string_view name);

// Everything but id and time, and the ranges that nobody asked for: of these `subnet` (and with
// IPv6 `subnet6`) is empty. Errors: invalid_argument and unsupported, naming the flag; in_use where
// a range overlaps that of one of `others`.
Result<Definition> define(const Asked& asked, const std::vector<Definition>& others);
// What follows from its ranges once they are known: gateways.
Result<> complete(Definition& definition);
// fd, 40 bits and 0000 (RFC 4193): a range that nobody else has.
std::string unique_subnet6(std::uint64_t random);

// Options of Docker's bridge driver that mean something here.
inline constexpr std::string_view kOptionMtu = "com.docker.network.driver.mtu";
inline constexpr std::string_view kOptionDevice = "com.docker.network.bridge.name";
inline constexpr std::string_view kOptionMasquerade =
    "com.docker.network.bridge.enable_ip_masquerade";
inline constexpr std::string_view kOptionBetween = "com.docker.network.bridge.enable_icc";

bool says_no(const std::map<std::string, std::string>& options, std::string_view option);
// Whether containers on it do: kOptionBetween.
bool reach_each_other(const std::map<std::string, std::string>& options);

std::string serialize(const Definition& definition);
// Errors: corrupt.
Result<Definition> parse_definition(std::string_view json);

}  // namespace crank::engine::networks
