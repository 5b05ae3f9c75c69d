// What of a project is watched: as develop.watch says, or else the sources of its builds.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/project.h"
#include "cli/watch_rules.h"

namespace crank::cli {

struct WatchedProject {
    std::vector<WatchedPath> paths;
    std::set<std::string> services;  // with a path at least
    std::set<std::string> selected;  // with those that may follow another
    // Files that say what the project is, and what of it is watched.
    std::set<std::string> definitions;
};
// Of these services. Warns of what cannot be watched, or can never act. Errors: not_found (a
// directory, with the field's name), invalid_argument (a pattern).
Result<WatchedProject> read_watched(const LoadedProject& project,
                                    const std::set<std::string>& services);

// Files there, by their paths, that the path's rule concerns. Errors: those of reading directories.
Result<std::set<std::string>> files_of(const WatchedPath& watched);

}  // namespace crank::cli
