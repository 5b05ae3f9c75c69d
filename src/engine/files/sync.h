// Files of this machine into a container that goes on meanwhile, one by one: what develop.watch
// copies.
#pragma once

#include <span>
#include <string>

#include "base/error.h"
#include "engine/paths.h"
#include "engine/state.h"

namespace crank::engine::files {

struct SyncedPath {
    std::string from, to;  // absolute; in the container
};
struct Synced {
    std::size_t copied = 0, removed = 0;
};

// What is there is replaced, with the owner that it has; what is new has that of the directory that
// it comes into, and so have directories that are missing. What is not in the source is removed in
// the container. A directory is made and not entered: what is in it has paths of its own. Links are
// copied as links. Errors: those of open_root() and copy_entry(), with the path.
Result<Synced> sync(const Paths& paths, const Container& container,
                    std::span<const SyncedPath> synced);

}  // namespace crank::engine::files
