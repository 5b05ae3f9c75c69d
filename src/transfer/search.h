// Looking for images in registries.
#pragma once

#include <string>
#include <vector>

#include "registry/search.h"
#include "transfer/pull.h"

namespace crank::transfer {

struct SearchRequest {
    std::string registry;  // "quay.io"; empty: those that a name without a registry stands for
    std::string term;
    std::size_t limit = 25;  // of each registry
};
struct SearchResult {
    std::string registry;
    registry::Found found;
};

// Errors: of the one registry that was asked, or of all that were. Of several the others' errors
// are notes.
Result<std::vector<SearchResult>> search(const Connection& connection,
                                         const SearchRequest& request);

}  // namespace crank::transfer
