// What images hold, file by file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/store.h"

namespace crank::store {

enum class Change { added, removed, changed };
struct PathChange {
    Change change = Change::changed;
    std::string path;                    // without a leading slash
    std::int64_t before = 0, after = 0;  // bytes; 0 for what is no regular file
};
// Paths of `from` and `to` that differ in kind, mode, owner, content or target, by path. Times do
// not count; files that are one inode are not read.
Result<std::vector<PathChange>> compare(Store& store, const Image& from, const Image& to);

struct SizedPath {
    std::string path;
    std::int64_t size = 0;  // bytes
    int layer = 0;          // from 1, the lowest
};
struct Analysis {
    std::int64_t visible = 0;        // bytes of the files that a container sees
    std::vector<SizedPath> biggest;  // of those, at most 10
    std::vector<SizedPath> hidden;   // replaced or deleted by a later layer, biggest first
    std::int64_t hidden_size = 0;
    std::vector<std::vector<SizedPath>> twice;   // equal content of at least 4 KiB, biggest first
    std::int64_t twice_size = 0;                 // without one of each
    std::map<std::string, std::int64_t> caches;  // what should not be in an image, by kind
};
Result<Analysis> analyze(Store& store, const Image& image);

}  // namespace crank::store
