// Who a worker is: its name, the names its certificate carries, and for how long. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::pki {

using TimePoint = std::chrono::sys_seconds;

// The SPIFFE trust domain of every local CA (SPIFFE-ID section 2.1).
inline constexpr std::string_view kTrustDomain = "crank.local";
inline constexpr int kLeafDays = 90;
// A leaf that outlives this is refused by browsers (CA/Browser Forum BR 6.3.2).
inline constexpr int kMaxLeafDays = 398;
inline constexpr int kAuthorityDays = 3650;
// A worker's clock may be this far behind the clock of the machine that issues.
inline constexpr std::chrono::minutes kClockSkew{5};

// A worker's name as a DNS label (RFC 1123 section 2.1): 1 to 63 of a-z, 0-9 and '-', which is
// neither first nor last. Capital letters are refused, since SPIFFE paths are case sensitive and
// DNS names are not.
// Error: invalid_argument.
Result<std::string> parse_worker_name(std::string_view text);

// A DNS name for a SAN: labels as above (capitals are folded), at most 253 bytes; the leftmost
// label may be "*". An IP address is refused.
// Error: invalid_argument.
Result<std::string> parse_dns_name(std::string_view text);

struct LeafSpec {
    std::string name;
    std::vector<std::string> dns;  // beside the name itself and localhost
    int days = kLeafDays;          // 1 to kMaxLeafDays
};

// Everything that stands in a worker's certificate but its key and its serial number.
struct LeafPlan {
    std::string common_name;
    std::string spiffe_id;
    std::vector<std::string> dns;  // no name twice, the worker's own first
    TimePoint not_before;
    TimePoint not_after;
};

// `now` is the issuer's clock. Error: invalid_argument.
Result<LeafPlan> plan_leaf(const LeafSpec& spec, TimePoint now);

}  // namespace crank::pki
