// Files that lie in memory alone and have a mount of their own.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

struct MemoryFile {
    std::string_view content;
    mode_t mode = 0400;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string name = "a file in memory";  // for errors
};
// Detached mounts of the files, in their order; a file is gone with the last that has its mount.
// Where the kernel lets crank say so (Linux 6.4, as the host's root), no swap space has them
// either. `target`: an existing directory, which nobody else sees anything in.
Result<std::vector<UniqueFd>> mount_memory_files(const std::string& target,
                                                 std::span<const MemoryFile> files);
Result<UniqueFd> mount_memory_file(const std::string& target, const MemoryFile& file);

}  // namespace crank::sys
