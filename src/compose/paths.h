// Relative paths in a normalised document made absolute. Internal to load.
#pragma once

#include <string>

#include "compose/node.h"

namespace crank::compose {

// Build contexts, env files, bind mounts, secrets' files...: relative to `directory`. URLs and
// names of other contexts stay.
void resolve_paths(Node& document, const std::string& directory, const std::string& home);

// A build without a context has the directory: once all files that could name one are merged.
void default_contexts(Node& document, const std::string& directory);

}  // namespace crank::compose
