// How much the store holds, what of it can go, and letting that go.
#pragma once

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/disk_use.h"
#include "store/store.h"

namespace crank::store {

// Bytes on the disk. Each file counts once, for the first of these that has it: images in use,
// other images, the build cache, the rest.
struct Usage {
    std::int64_t images = 0;
    std::int64_t unused_images = 0;  // part of `images`: what would go with those not in use
    std::int64_t cache = 0;          // of the build cache alone; what it shares is the images'
    std::int64_t rest = 0;           // the database, the index of files, what is being made
    std::size_t image_count = 0, used_image_count = 0, cache_count = 0;
};
// `in_use`: ids of images that containers need. `disk` has seen everything of the store's
// afterwards.
Result<Usage> measure(Store& store, const std::set<std::string>& in_use, DiskUse& disk);

struct PruneRequest {
    bool tagged_too = false;       // images that a tag names and no container needs
    std::set<std::string> in_use;  // ids of images that containers need
    // Only what was added (images) or used (build cache) before.
    std::chrono::system_clock::time_point before = std::chrono::system_clock::time_point::max();
};
struct Pruned {
    std::vector<std::string> images;  // as Store::remove() reports it
    std::size_t cache_entries = 0;
    std::int64_t bytes = 0;  // less on the disk
};
// An image that is pinned, or that a build stands on, stays.
Result<Pruned> prune(Store& store, const PruneRequest& request);

// Brings what the store and `others` (paths) hold below `limit` bytes: first the build cache used
// longest ago that no image shares, then the images without a tag and without a container, oldest
// first. exhausted: what is needed is more than that; all that could go has gone.
Result<Pruned> keep_below(Store& store, std::int64_t limit, const std::set<std::string>& in_use,
                          const std::vector<std::string>& others);

}  // namespace crank::store
