// Makes a tree independent of when it was made. Internal to store.
#pragma once

#include <string>

#include "store/store.h"

namespace crank::store {

// Whole seconds, clamped or set as `options` says; the root itself gets mode 0755, the owner of the
// directory it stands in, and time 0, since no entry of the tar speaks of it.
Result<> normalise_tree(const std::string& tree, const CommitOptions& options);

}  // namespace crank::store
