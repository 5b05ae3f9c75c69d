// An image as a registry describes it. Internal to transfer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/image.h"
#include "store/encode.h"
#include "store/store.h"
#include "transfer/pull.h"
#include "transfer/session.h"

namespace crank::transfer {

ProgressSink one_at_a_time(const ProgressSink& sink);

struct RemoteImage {
    oci::Digest id;               // of the configuration
    oci::Digest digest;           // what the reference stands for
    oci::Digest manifest_digest;  // of the manifest, where an index led to it
    std::string media_type, manifest_json, config_json;
    oci::Manifest manifest;
    oci::ImageConfig config;
    Fields place;  // domain, repository, insecure
};

// Everything that crank-net says about documents is checked again. Errors: corrupt, unsupported
// (not for Linux).
Result<RemoteImage> check_image(std::string_view manifest_json, std::string_view config_json);
Result<RemoteImage> resolve(Channel& channel, const std::string& typed,
                            const std::string& platform);

// The manifest of an image whose layers are these blobs, lowest first. `compression`: the encoder
// of those that crank has compressed.
oci::Manifest make_manifest(const oci::Digest& config, std::int64_t config_size,
                            const std::vector<store::Store::Blob>& layers,
                            store::Compression compression);

}  // namespace crank::transfer
