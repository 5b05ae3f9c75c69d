// The one writer of layer tars. Its output is an image's identity: version 1 never changes.
//
// Version 1: entries sorted by path bytes (parents first), no entry for the root itself; USTAR
// headers, with PAX records only where a value does not fit (path, linkpath, size, uid, gid,
// mtime never has a fraction) and for xattrs (SCHILY.xattr., sorted, security.capability and user.*
// alone); owners numeric, names empty; hard links to the first path of the inode in sort order;
// overlay whiteouts as .wh.NAME, opaque directories as .wh..wh..opq; sockets are left out.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/error.h"
#include "oci/digest.h"

namespace crank::store {

inline constexpr int kLayerTarVersion = 1;

using Sink = std::function<Result<>(std::span<const std::uint8_t>)>;

struct LayerTarStats {
    oci::Digest digest;           // of the whole tar
    std::int64_t file_bytes = 0;  // sum of the regular files' sizes
    std::int64_t entries = 0;
};

// Walks `tree` (absolute) and writes its tar. `sink` may be empty: digest alone.
Result<LayerTarStats> write_layer_tar(const std::string& tree, const Sink& sink);

}  // namespace crank::store
