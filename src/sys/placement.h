// Where a file system puts what is made.
#pragma once

#include <string>

#include "base/error.h"

namespace crank::sys {

// Whether what is at `path` lies in memory alone (tmpfs, ramfs), swap space left aside.
Result<bool> lies_in_memory(const std::string& path);

bool is_ext4(int fd);  // ext2 and ext3, too: they have the same number

// Directories made directly in this one are put far from each other, and what they hold is put
// together (FS_TOPDIR_FL: the `T` of chattr(1); ext4). Elsewhere, and where it fails, nothing
// happens: it is a matter of speed alone.
void spread_directories_in(int dir);

}  // namespace crank::sys
