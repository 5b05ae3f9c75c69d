// Images as files: oci-archive and docker-archive tars, both directions; layouts, out.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "store/store.h"

namespace crank::exchange {

enum class ArchiveFormat {
    oci,     // an OCI image layout (image-spec v1.1, image-layout.md) in a tar
    docker,  // manifest.json, config and layer.tar files, as `docker save` writes it
    // One file that both kinds of reader accept, as `docker save` of Docker 25 and later writes.
    both,
};

// Writes the images named (tags or ids) to `fd`. Deterministic: the same images give the same
// bytes. An image that came with a manifest of uncompressed layers leaves with that manifest.
Result<> save(store::Store& store, const std::vector<std::string>& names, ArchiveFormat format,
              int fd);

// One image, by its id, under other names (references as a person writes them) than the store's.
Result<> save_as(store::Store& store, const std::string& id, const std::vector<std::string>& tags,
                 ArchiveFormat format, int fd);

// The same as a layout in the directory `path`, which is created, or gets the images in addition
// where it is a layout already: blobs first, then index.json in one rename, so that a reader finds
// the old layout or the new one. An image of the same full name is replaced in the index; its blobs
// stay, since others may need them. Errors: failed_precondition (the directory is no layout and not
// empty), corrupt (its index is none).
Result<> save_layout(store::Store& store, const std::vector<std::string>& names,
                     const std::string& path);

struct Loaded {
    oci::Digest id;
    std::vector<std::string> tags;  // full references; may be empty
    // Of the tags those that another image had until now, and which.
    struct Taken {
        std::string tag;
        oci::Digest from;
    };
    std::vector<Taken> taken = {};
};

// Reads either format, plain, gzip or zstd, from `fd` (may be a pipe). Hostile input: every blob is
// verified against its digest before anything refers to it; nothing is kept when it fails.
Result<std::vector<Loaded>> load(store::Store& store, int fd);

}  // namespace crank::exchange
