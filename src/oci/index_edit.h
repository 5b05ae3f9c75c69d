// Changing an image index that another tool has written. Pure.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/image.h"

namespace crank::oci {

// The index without the manifests at the positions `removed`, and with `added` at its end. What
// crank does not know (artifactType, urls, annotations) stays. Errors: those of parse_index().
Result<std::string> edit_index(std::string_view json, const std::set<std::size_t>& removed,
                               const std::vector<Descriptor>& added);

}  // namespace crank::oci
