// Images to registries.
#pragma once

#include <optional>

#include "store/encode.h"
#include "transfer/pull.h"

namespace crank::transfer {

struct Pushed {
    oci::Digest digest;     // of the manifest
    std::int64_t size = 0;  // of the manifest
    // The layers had to be compressed again, so the manifest differs from the one the image came
    // with.
    bool recompressed = false;
};

struct PushOptions {
    // Absent: gzip, and an image that came from a registry stays as it came there.
    std::optional<store::Compression> compression;
};

// The image `name` of the store to the registry that `to` names. What the registry has is not sent;
// what another of its repositories has is mounted from there. An image that came from a registry
// keeps its manifest where its blobs can be had; else its layers are compressed by the frozen
// encoder (store/encode.h). Errors as pull().
Result<Pushed> push(store::Store& store, const Connection& connection, const std::string& name,
                    const oci::Reference& to, const PushOptions& options);

}  // namespace crank::transfer
