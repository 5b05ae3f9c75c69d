// Images on their way into the store, whatever they came out of. Internal to exchange.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "exchange/archive.h"
#include "exchange/files.h"

namespace crank::exchange {

struct IncomingLayer {
    std::string name;  // for errors
    // The layer's tar, plain or compressed; asked for a second time where one name stands in it
    // twice.
    std::function<Result<std::unique_ptr<store::ByteSource>>()> open;
    std::optional<oci::Digest> digest;  // of these bytes, where the source says it
    std::int64_t size = 0;              // of these bytes; 0: nobody knows
};

// Before its layers are read.
struct IncomingImage {
    std::string config_json;
    std::vector<oci::Digest> diff_ids;
    std::vector<IncomingLayer> layers;      // lowest first
    std::vector<std::string> tags;          // full references
    std::string media_type, manifest_json;  // empty: it came without a manifest
};

// An image of this configuration, without layers yet. Errors: corrupt; unsupported (not for Linux).
Result<IncomingImage> incoming(std::string config_json);

// Of an archive that an engine has written: where its layers are uncompressed its manifest was made
// for the archive, nobody knows its digest, and they are nothing to send to a registry. One of
// compressed layers is that of a registry, or as good as.
void forget_made_manifest(IncomingImage& image);

// A file as a layer; where `digest` is given, its bytes must have it and be so many. corrupt: it is
// not there.
Result<IncomingLayer> layer_of_file(std::shared_ptr<const Files> files, std::string path,
                                    std::optional<oci::Digest> digest, std::int64_t size);

// The layers of every image first, then all images and tags in one transaction, then the manifests
// they came with. A layer that is here is not read. Nothing is kept when it fails.
Result<std::vector<Loaded>> take_in(store::Store& store, std::vector<IncomingImage> images,
                                    const ProgressSink& progress = {});

}  // namespace crank::exchange
