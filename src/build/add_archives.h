// ADD of local tar archives: they are extracted at the destination, as Docker does.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "build/copy.h"
#include "build/source_tree.h"

namespace crank::build {

// Takes the archives out of `selection` and extracts them into the destination; the rest is the
// caller's to copy. `scratch`: a private directory. `warn` hears of what is left out (devices).
Result<> add_archives(const CopyRequest& request, std::vector<SelectedSource>& selection,
                      const std::string& scratch, const SourceTree::Warn& warn);

}  // namespace crank::build
