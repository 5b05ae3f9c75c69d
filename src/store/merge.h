// Several layers' trees as one, made of hard links. Internal to store.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace crank::store {

// Makes what an overlay of `lower` (absolute, top first) shows in the empty directory `target`:
// whiteouts and opaque directories count and leave no trace, directories have the attributes of
// their topmost, everything else is a hard link. False: a file has too many names, or the file
// system makes no links; the target is of no use then.
Result<bool> merge_trees(const std::vector<std::string>& lower, const std::string& target);

}  // namespace crank::store
