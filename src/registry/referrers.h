// What refers to an image in its registry: signatures, bills of materials, attestations
// (distribution-spec 1.1, "Listing Referrers").
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"

namespace crank::registry {

struct Referrer {
    oci::Digest digest;  // of its manifest
    std::string artifact_type, media_type;
    std::int64_t size = 0;  // bytes
    std::map<std::string, std::string> annotations;
};

// One page of the list: an image index. Errors: corrupt (no index, a malformed descriptor).
Result<std::vector<Referrer>> parse_referrers(std::string_view json);

// The tag that stands for the list where a registry has no list ("Referrers Tag Schema"):
// "sha256-<hex>".
std::string referrers_tag(const oci::Digest& subject);

// The address of the next page in a Link header (RFC 8288), empty where there is none.
std::string next_page(std::string_view link);

}  // namespace crank::registry
