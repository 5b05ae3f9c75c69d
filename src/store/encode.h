// The frozen encoder: how layers are compressed when they leave this machine.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "oci/digest.h"
#include "store/store.h"

namespace crank::store {

// Stands in an annotation of the manifests that crank writes. A change of the bytes that come out
// (golden-tested) is a new version.
inline constexpr std::string_view kEncoderAnnotation = "io.crank.encoder";
inline constexpr std::string_view kEncoderVersion = "gzip-1";

struct Encoded {
    oci::Digest digest;  // of what was written
    std::int64_t size = 0;
};

// Writes the layer's tar to `fd` as gzip: one member, no name, no time, level 6 of zlib. The same
// layer gives the same bytes on every machine. Errors: those of write_layer_tar().
Result<Encoded> encode_layer(Store& store, const oci::Digest& diff_id, int fd);

}  // namespace crank::store
