// The frozen encoder: how layers are compressed when they leave this machine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "oci/digest.h"
#include "store/store.h"

namespace crank::store {

enum class Compression : std::uint8_t { gzip, zstd };

// Stands in an annotation of the manifests that crank writes. A change of the bytes that come out
// (golden-tested) is a new version.
inline constexpr std::string_view kEncoderAnnotation = "io.crank.encoder";
std::string_view encoder_version(Compression compression);
std::string_view layer_media_type(Compression compression);
// Of a layer with this media type, OCI's or Docker's.
std::optional<Compression> compression_of(std::string_view media_type);

struct Encoded {
    oci::Digest digest;  // of what was written
    std::int64_t size = 0;
};

// Writes the layer's tar to `fd`, compressed. gzip: one member, no name, no time, level 6 of zlib;
// zstd: one frame with a checksum, level 3 of libzstd, by one thread. The same layer gives the same
// bytes on every machine. Errors: those of write_layer_tar().
Result<Encoded> encode_layer(Store& store, const oci::Digest& diff_id, int fd,
                             Compression compression);

}  // namespace crank::store
