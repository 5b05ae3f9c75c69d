// The directories of RUN --mount=type=cache: they outlive builds, and no layer has them.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "dockerfile/instructions.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace crank::build {

struct CacheDirectory {
    std::string path;    // absolute, of its files
    bool fresh = false;  // nobody has used it: what it begins with is the caller's to put there
    sys::UniqueFd lock;  // held while a step uses it; others see it by `sharing`
    // Held while it is fresh: of two that share it one fills it, and the other waits for that.
    sys::UniqueFd filling = {};
};

// Makes the one of this mount where there is none, with its owner and mode. `store_root`: below it
// they lie; `begins_with`: the digest of what `from` and `source` name, zero for none: a cache of
// other content is another. sharing=locked waits until nobody else uses it, sharing=private takes
// another where somebody does. Errors: cancelled (`cancel_fd` became readable).
Result<CacheDirectory> open_cache_directory(const std::string& store_root,
                                            const dockerfile::Mount& mount,
                                            const oci::Digest& begins_with, int cancel_fd);
// Says that what the directory begins with is complete.
Result<> keep_cache_directory(CacheDirectory& directory);

// Removes those that nobody uses now and nobody has used since `before`.
struct PrunedDirectories {
    std::size_t count = 0;
    std::int64_t bytes = 0;  // on the disk
};
Result<PrunedDirectories> prune_cache_directories(const std::string& store_root,
                                                  std::chrono::system_clock::time_point before);

}  // namespace crank::build
