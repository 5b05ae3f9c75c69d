// The ceiling of what images, build cache and containers take of the disk.
#pragma once

#include <set>
#include <string>

#include "base/error.h"
#include "engine/config.h"
#include "engine/paths.h"

namespace crank::cli {

// The ids of the images that containers need, whether they run or have ended, and releases.
Result<std::set<std::string>> images_in_use(const engine::Paths& paths);

// After whatever has added to the store, which must be closed: where the setting storage.max is
// there and passed, the build cache used longest ago goes, then images without a tag; says so on
// stderr. Errors: exhausted, with the sizes, when what is needed is more than the limit.
Result<> keep_storage_limit(const engine::Paths& paths);

}  // namespace crank::cli
