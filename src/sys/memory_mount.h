// Files that lie in memory alone and have a mount of their own.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

struct MemoryFile {
    std::string_view content;
    mode_t mode = 0400;
    uid_t uid = 0;
    gid_t gid = 0;
};
// A detached mount of the file, gone with the last that has it. `target`: an existing directory,
// which nobody else sees anything in.
Result<UniqueFd> mount_memory_file(const std::string& target, const MemoryFile& file);

}  // namespace crank::sys
