// The OCI image formats (image-spec v1.1): types and their JSON.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/digest.h"

namespace crank::oci {

inline constexpr std::string_view kMediaTypeManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kMediaTypeIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kMediaTypeConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kMediaTypeLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kMediaTypeLayerGzip =
    "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kMediaTypeLayerZstd =
    "application/vnd.oci.image.layer.v1.tar+zstd";

struct Platform {
    std::string architecture;  // "amd64"
    std::string os;            // "linux"
    std::string variant;
    bool operator==(const Platform&) const = default;
};

struct Descriptor {
    std::string media_type;
    Digest digest;
    std::int64_t size = 0;  // bytes
    std::map<std::string, std::string> annotations;
    std::optional<Platform> platform;
};

// Docker's extension of the image configuration; durations in nanoseconds, 0 = inherit/default.
struct Healthcheck {
    std::vector<std::string> test;  // {"NONE"}, {"CMD", ...}, {"CMD-SHELL", text}
    std::int64_t interval = 0;
    std::int64_t timeout = 0;
    std::int64_t start_period = 0;
    std::int64_t start_interval = 0;
    int retries = 0;
    bool operator==(const Healthcheck&) const = default;
};

struct ContainerConfig {
    std::string user;
    std::vector<std::string> exposed_ports;  // "8501/tcp", sorted
    std::vector<std::string> env;            // "NAME=value", in order
    std::vector<std::string> entrypoint;
    std::vector<std::string> cmd;
    std::vector<std::string> volumes;  // sorted
    std::string working_dir;
    std::map<std::string, std::string> labels;
    std::string stop_signal;
    std::optional<Healthcheck> healthcheck;
    std::vector<std::string> shell;     // Docker's extension: the SHELL instruction
    std::vector<std::string> on_build;  // Docker's extension
    bool operator==(const ContainerConfig&) const = default;
};

struct HistoryEntry {
    std::string created;  // RFC 3339
    std::string created_by;
    std::string comment;
    bool empty_layer = false;
    bool operator==(const HistoryEntry&) const = default;
};

struct ImageConfig {
    std::string created;  // RFC 3339, empty = absent
    std::string author;
    Platform platform;
    ContainerConfig config;
    std::vector<Digest> diff_ids;  // lowest layer first, digests of the uncompressed tars
    std::vector<HistoryEntry> history;
    bool operator==(const ImageConfig&) const = default;
};

struct Manifest {
    std::string media_type;
    Descriptor config;
    std::vector<Descriptor> layers;  // lowest first
    std::map<std::string, std::string> annotations;
};

struct Index {
    std::string media_type;
    std::vector<Descriptor> manifests;
    std::map<std::string, std::string> annotations;
};

// Hostile input: at most 4 MiB of JSON, depth 64, at most 127 layers; each violation is `corrupt`
// and names the field. Fields unknown to the specification are dropped: the bytes that were read
// stay the identity, never what is serialised again.
Result<ImageConfig> parse_image_config(std::string_view json);
Result<Manifest> parse_manifest(std::string_view json);
Result<Index> parse_index(std::string_view json);

// Canonical: keys sorted, no white space, absent where empty. The digest of an image that crank
// builds is the digest of this text; golden-tested, so no library upgrade can change it.
std::string serialize(const ImageConfig& config);
std::string serialize(const Manifest& manifest);
std::string serialize(const Index& index);

}  // namespace crank::oci
