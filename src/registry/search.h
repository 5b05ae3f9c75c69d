// What registries say about which images they have.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::registry {

struct Found {
    std::string name, description;
    std::int64_t stars = 0;
    bool official = false, automated = false;
    bool operator==(const Found&) const = default;
};

// Docker's first API, /v1/search?q=. Errors: corrupt.
Result<std::vector<Found>> parse_search(std::string_view json);
// A page of /v2/_catalog (distribution-spec's predecessor): names alone. Errors: corrupt.
Result<std::vector<std::string>> parse_catalog(std::string_view json);
// Those whose name has `term` in it, whatever the case, in order; at most `most`.
std::vector<Found> matching(const std::vector<std::string>& names, std::string_view term,
                            std::size_t most);

}  // namespace crank::registry
