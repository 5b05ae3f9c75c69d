// Archives that are no layers: what `ADD` of a local tar file extracts.
#pragma once

#include <string>

#include "base/error.h"

namespace crank::store {

// Whether a regular file is a tar archive, plain or compressed (byte_source.h); by its content,
// never its name. Compressed files that hold no tar are none.
Result<bool> is_tar_archive(int fd, const std::string& name);

// Extracts it into an empty directory: rooted, bounded, hostile input (unpack.h). Owners, modes and
// times are the archive's. Errors: corrupt, unsupported, exhausted, io.
Result<> extract_tar(int fd, const std::string& name, const std::string& directory);

}  // namespace crank::store
