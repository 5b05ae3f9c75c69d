// What an image's files have in the page cache, kept there: a container of it that is started later
// reads none of it from the disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "sys/page_cache.h"

namespace crank::engine {

struct CachedFile {
    std::string path;
    std::vector<sys::FilePart> parts;
};

// Of the regular files below these directories those of which something is in memory, up to so many
// bytes of it: what is beyond is left out. What another may have changed meanwhile is passed over.
std::vector<CachedFile> cached_files(const std::vector<std::string>& directories,
                                     std::int64_t most);
// The kernel reads what of it is in memory no more. Nobody waits for it. Best effort.
void read_again(const std::vector<CachedFile>& files);

}  // namespace crank::engine
