// Manifests and indexes as a registry hands them out: what they are, and which image is meant.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/image.h"

namespace crank::registry {

inline constexpr std::string_view kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerIndex =
    "application/vnd.docker.distribution.manifest.list.v2+json";

inline constexpr std::size_t kMaxDocument = std::size_t{4} << 20;

// The Accept header of a request for a manifest.
std::string accepted_documents();

enum class DocumentKind { manifest, index };

// `content_type` is the header's. Errors: corrupt where it contradicts the document's own
// mediaType, where a document is both kinds, or is none (CVE-2021-41190: two readers would see two
// images); unsupported for schema 1 and for artifacts that are no image.
Result<DocumentKind> classify(std::string_view content_type, std::string_view bytes);

// What classify() says of a manifest beyond its syntax: it is an image's, of layers that crank
// reads. Errors: unsupported.
Result<> check_manifest_types(const oci::Manifest& manifest);

// Whether a document that lies in a file, without a header that says so, is an index: by its own
// mediaType, or by what stands in it. Errors: corrupt.
Result<bool> is_index_document(std::string_view bytes);

// "linux/amd64", "linux/arm64/v8", "arm64". Errors: invalid_argument.
Result<oci::Platform> parse_platform(std::string_view text);
oci::Platform host_platform();
std::string text_of(const oci::Platform& platform);

// The manifest of an index for a platform; attestations (unknown/unknown) are none. Errors:
// not_found, naming the platforms there are.
Result<oci::Descriptor> select(const oci::Index& index, const oci::Platform& platform);

// Whether a layer's media type is one that crank reads. Foreign layers are read like others, from
// the registry: their `urls` are ignored (CVE-2020-15157).
Result<> check_layer_type(std::string_view media_type);

// Docker's name for a layer's media type as OCI's, which stands in OCI's manifests.
std::string oci_layer_type(std::string_view media_type);

}  // namespace crank::registry
