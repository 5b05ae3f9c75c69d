// What refers to an image in its registry.
#pragma once

#include <string>
#include <vector>

#include "registry/referrers.h"
#include "transfer/pull.h"

namespace crank::transfer {

struct Referrers {
    oci::Digest subject;  // the manifest or index that `typed` stands for
    std::vector<registry::Referrer> all;
};

// Errors as pull(). A registry without such a list, and without the tag that replaces it, has none.
Result<Referrers> referrers(const Connection& connection, const std::string& typed);

}  // namespace crank::transfer
