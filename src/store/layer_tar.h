// The one writer of layer tars. Its output is an image's identity: version 1 never changes.
//
// Version 1: a directory's entry, then what is in it, names in byte order (so parents come first);
// no entry for the root itself. USTAR headers without prefix, with PAX records only where a value
// does not fit (path, linkpath, size, uid, gid, mtime) and for xattrs (SCHILY.xattr., sorted,
// security.capability and user.* without user.overlay.*); times are whole seconds; owners numeric,
// names empty; a regular file's further names are hard links to its first in this order. Overlay
// whiteouts are empty files .wh.NAME in NAME's place, opaque directories begin with .wh..wh..opq,
// both of mode 0, owner 0:0, time 0. Sockets are left out. Two zero blocks end it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/error.h"
#include "oci/digest.h"
#include "store/shared_files.h"

namespace crank::store {

inline constexpr int kLayerTarVersion = 1;

using Sink = std::function<Result<>(std::span<const std::uint8_t>)>;

struct LayerTarStats {
    oci::Digest digest;           // of the whole tar
    std::int64_t tar_bytes = 0;   // of the whole tar
    std::int64_t file_bytes = 0;  // sum of the regular files' sizes
    std::int64_t entries = 0;
};

// Sees the regular files that may be shared (file_identity.h), in the tar's order, further names of
// a file too; the hash is FileHasher's, read in the same pass as the tar.
using FileObserver = std::function<void(TreeFile)>;

// Walks `tree` (absolute) and writes its tar. `sink` may be empty: digest alone. Errors:
// invalid_argument (a file named .wh.*, which would read as a whiteout), unsupported (an overlay
// file system that used redirect_dir or metacopy), failed_precondition (a file that shrinks while
// it is read), and the sink's.
Result<LayerTarStats> write_layer_tar(const std::string& tree, const Sink& sink,
                                      const FileObserver& observer = {});

}  // namespace crank::store
