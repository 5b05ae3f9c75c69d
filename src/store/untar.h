// An archive put into a tree that exists and that others may be changing: `crank cp - ...`.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/error.h"

namespace crank::store {

struct UntarRequest {
    int root = -1;          // O_PATH or readable: what paths and links are resolved in
    std::string directory;  // in the root; must be a directory
    // From the ids of the archive to those that the kernel is told; may be empty.
    std::function<std::uint32_t(std::int64_t)> uid, gid;
    // Told of what is not made (devices); may be empty.
    std::function<void(const std::string& path)> left_out;
};

// Docker's rules: directories are merged, everything else is replaced; a directory never takes the
// place of a file nor a file that of a directory. Names with ".." are refused; links in the way are
// followed as a process would whose root it is. Of a bad archive (corrupt) what came before it
// stays. `fd`: plain or compressed; stays the caller's; `name` is for errors. Returns the bytes of
// the files.
Result<std::int64_t> untar_into(const UntarRequest& request, int fd, const std::string& name);

}  // namespace crank::store
