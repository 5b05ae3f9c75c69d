// The front of a build: everything that is known before the first step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/build.h"
#include "build/source_tree.h"
#include "dockerfile/lower.h"
#include "oci/reference.h"

namespace crank::build {

struct Prepared {
    dockerfile::Dockerfile file;
    dockerfile::BuildSpec spec;
    std::vector<oci::Reference> tags;
    std::optional<SourceTree> context;
    std::int64_t epoch = kDefaultEpoch;
};

// Errors: invalid_argument (a tag, the file's syntax), not_found (no Dockerfile, no context).
Result<Prepared> prepare(const BuildRequest& request);

// An image that FROM or --from names: the alias of the configuration first, then the store as it
// is.
struct BaseImage {
    store::Image image;
    std::string shown;  // as a person would write it
    std::string alias;  // what was written, where an alias replaced it; else empty
};
// Errors: not_found with the next command, invalid_argument.
Result<BaseImage> find_base(const std::string& written, const BuildRequest& request,
                            store::Store& store);

}  // namespace crank::build
