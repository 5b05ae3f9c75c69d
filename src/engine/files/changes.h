// What a container has changed in its image's files: its upper directory, read as overlayfs means
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/record.h"

namespace crank::engine::files {

enum class Change : std::uint8_t { changed, added, deleted };
struct PathChange {
    Change kind = Change::changed;
    std::string path;  // absolute
    bool operator==(const PathChange&) const = default;
};

// Where a container's mounts go, absolute: what crank made there for them is no change of the
// container's.
std::set<std::string, std::less<>> mount_points(const Record& record);

// By path; of a directory whose content changed itself too, as Docker says it. `upper` and `below`
// are directories; both may be changing, and nothing is followed in them.
Result<std::vector<PathChange>> changes(int upper, int below,
                                        const std::set<std::string, std::less<>>& mount_points);

// The same as a layer's tree: everything of `upper` but crank's mount points into the empty
// directory `target`, with owners, times, attributes, hard links and overlayfs's own marks.
Result<> copy_changes(int upper, int below, int target,
                      const std::set<std::string, std::less<>>& mount_points);

// Of the regular files below the directory, each counted once.
Result<std::int64_t> bytes_of(int directory);

}  // namespace crank::engine::files
