// What of files the kernel has in memory (the page cache), and having it read them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error.h"

namespace crank::sys {

// Bytes; of whole pages, but for the last.
struct FilePart {
    std::int64_t offset = 0, length = 0;
    bool operator==(const FilePart&) const = default;
};

// Which parts of a regular file are in memory (mincore(2), which since Linux 5.2 says the truth
// only to who owns the file or may write to it). Small gaps count as there.
Result<std::vector<FilePart>> cached_parts(int fd);
// The kernel reads what is missing, and nobody waits (posix_fadvise(2), POSIX_FADV_WILLNEED).
Result<> read_ahead(int fd, const FilePart& part);

}  // namespace crank::sys
