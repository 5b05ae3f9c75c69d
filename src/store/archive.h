// Images as files: oci-archive and docker-archive tars, both directions.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "store/store.h"

namespace crank::store {

enum class ArchiveFormat {
    oci,     // an OCI image layout (image-spec v1.1, image-layout.md) in a tar
    docker,  // manifest.json, config and layer.tar files, as `docker save` writes it
    // One file that both kinds of reader accept, as `docker save` of Docker 25 and later writes.
    both,
};

// Writes the images named (tags or ids) to `fd`. Deterministic: the same images give the same
// bytes.
Result<> save(Store& store, const std::vector<std::string>& names, ArchiveFormat format, int fd);

struct Loaded {
    oci::Digest id;
    std::vector<std::string> tags;  // full references; may be empty
};

// Reads either format, plain, gzip or zstd, from `fd` (may be a pipe). Hostile input: every blob is
// verified against its digest before anything refers to it; nothing is kept when it fails.
Result<std::vector<Loaded>> load(Store& store, int fd);

}  // namespace crank::store
