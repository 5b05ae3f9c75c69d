// A tree that others may be changing as a tar for people: `crank cp ... -`, `crank export`. Not a
// layer's tar (layer_tar.h): nothing is read as a whiteout, and the bytes are no identity.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "store/layer_tar.h"

namespace crank::store {

struct TreeTarRequest {
    int entry = -1;    // O_PATH of the top (sys/entry.h)
    std::string name;  // its name in the archive; empty: of a directory its content alone
    // From the ids that the kernel shows to those that stand in the archive; may be empty.
    std::function<std::int64_t(std::uint32_t)> uid, gid;
    // Told of what cannot stand in it (sockets); may be empty.
    std::function<void(const std::string& path)> left_out;
};

// Every entry is opened once, by one component of its name and without following a link, and is
// read only where it is a regular file: who exchanges names meanwhile gets one or the other into
// the archive and reaches nothing else. A file that shrinks while it is read is
// failed_precondition. Returns the bytes of the files.
Result<std::int64_t> write_tree_tar(const TreeTarRequest& request, const Sink& sink);

}  // namespace crank::store
