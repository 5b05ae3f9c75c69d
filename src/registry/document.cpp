#include "registry/document.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "oci/json_reader.h"

namespace crank::registry {

namespace {

constexpr std::string_view kSchema1[] = {
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws"};
constexpr std::string_view kConfigs[] = {oci::kMediaTypeConfig,
                                         "application/vnd.docker.container.image.v1+json"};
constexpr std::string_view kLayers[] = {
    oci::kMediaTypeLayer,
    oci::kMediaTypeLayerGzip,
    oci::kMediaTypeLayerZstd,
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
};

bool contains(auto& list, std::string_view text) {
    return std::ranges::find(list, text) != std::end(list);
}

std::string printable(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, 120)) out += c >= 0x20 && c < 0x7f ? c : '?';
    return out;
}

// "type/subtype; charset=utf-8" without its parameters.
std::string essence(std::string_view content_type) {
    return to_lower(trim(content_type.substr(0, content_type.find(';'))));
}

std::optional<DocumentKind> kind_of(std::string_view media_type) {
    if (media_type == oci::kMediaTypeManifest || media_type == kDockerManifest)
        return DocumentKind::manifest;
    if (media_type == oci::kMediaTypeIndex || media_type == kDockerIndex)
        return DocumentKind::index;
    return std::nullopt;
}

Result<> check_kind(DocumentKind kind, std::string_view bytes) {
    if (kind == DocumentKind::index) {
        TRY(oci::parse_index(bytes));
        return {};
    }
    return check_manifest_types(TRY(oci::parse_manifest(bytes)));
}

std::string normal_architecture(std::string_view name) {
    if (name == "x86_64" || name == "x86-64") return "amd64";
    if (name == "aarch64") return "arm64";
    return std::string(name);
}

}  // namespace

std::string accepted_documents() {
    return std::string(oci::kMediaTypeIndex) + ", " + std::string(oci::kMediaTypeManifest) + ", " +
           std::string(kDockerIndex) + ", " + std::string(kDockerManifest);
}

Result<DocumentKind> classify(std::string_view content_type, std::string_view bytes) {
    if (bytes.size() > kMaxDocument) return fail(Code::corrupt, "it is larger than 4 MiB");
    std::string type = essence(content_type), own;
    if (contains(kSchema1, type))
        return fail(Error(Code::unsupported, "it is in Docker's old format, schema 1")
                        .with_hint("push it again with a current tool"));
    auto json = TRY(oci::parse_json(bytes, Code::corrupt));
    auto in = TRY(oci::ObjectReader::create(json, "", Code::corrupt));
    TRY(in.read("mediaType", own));
    auto kind = kind_of(type);
    if (!kind)
        return fail(Code::corrupt,
                    "the registry calls it '" + printable(type) + "', which is no image manifest");
    if (!own.empty() && own != type)
        return fail(Code::corrupt, "the registry calls it '" + printable(type) +
                                       "', it calls itself '" + printable(own) + "'");
    TRY(check_kind(*kind, bytes));
    return *kind;
}

Result<> check_manifest_types(const oci::Manifest& manifest) {
    if (!contains(kConfigs, manifest.config.media_type))
        return fail(Code::unsupported, "it is no image but an artifact of the type " +
                                           printable(manifest.config.media_type));
    for (const oci::Descriptor& layer : manifest.layers) TRY(check_layer_type(layer.media_type));
    return {};
}

Result<bool> is_index_document(std::string_view bytes) {
    auto json = TRY(oci::parse_json(bytes, Code::corrupt));
    auto in = TRY(oci::ObjectReader::create(json, "", Code::corrupt));
    std::string own;
    TRY(in.read("mediaType", own));
    if (auto kind = kind_of(own)) return *kind == DocumentKind::index;
    return in.find("manifests") != nullptr;
}

Result<oci::Platform> parse_platform(std::string_view text) {
    auto parts = split(to_lower(text), '/');
    bool valid =
        parts.size() <= 3 && std::ranges::all_of(parts, [](const std::string& part) {
            return !part.empty() && part.size() <= 32 && std::ranges::all_of(part, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
            });
        });
    if (!valid)
        return fail(Error(Code::invalid_argument,
                          "invalid platform '" + printable(text) + "': OS/ARCHITECTURE[/VARIANT]")
                        .with_hint("--platform linux/amd64"));
    oci::Platform platform;
    if (parts.size() == 1 && parts[0] == "linux") parts.push_back(host_platform().architecture);
    if (parts.size() == 1) parts.insert(parts.begin(), "linux");
    platform.os = parts[0];
    platform.architecture = normal_architecture(parts[1]);
    if (parts.size() == 3) platform.variant = parts[2];
    return platform;
}

oci::Platform host_platform() {
#if defined(__x86_64__)
    return {"amd64", "linux", ""};
#elif defined(__aarch64__)
    return {"arm64", "linux", ""};
#else
    return {"unknown", "linux", ""};
#endif
}

std::string text_of(const oci::Platform& platform) {
    std::string text = platform.os + "/" + platform.architecture;
    return platform.variant.empty() ? text : text + "/" + platform.variant;
}

Result<oci::Descriptor> select(const oci::Index& index, const oci::Platform& platform) {
    const oci::Descriptor* best = nullptr;
    std::vector<std::string> others;
    // arm64's baseline is v8: leaving it out means the same
    auto variant_of = [](const oci::Platform& p) {
        return p.architecture == "arm64" && p.variant.empty() ? std::string("v8") : p.variant;
    };
    for (const oci::Descriptor& descriptor : index.manifests) {
        if (!kind_of(descriptor.media_type) || !descriptor.platform) continue;
        const oci::Platform& has = *descriptor.platform;
        if (has.os != "unknown") others.push_back(printable(text_of(has)));
        if (has.os != platform.os || has.architecture != platform.architecture) continue;
        bool exact = variant_of(has) == variant_of(platform);
        if (!exact && !platform.variant.empty()) continue;
        if (best == nullptr || (exact && variant_of(*best->platform) != variant_of(platform)))
            best = &descriptor;
    }
    if (best != nullptr) return *best;
    if (index.manifests.size() == 1 && !index.manifests[0].platform) return index.manifests[0];
    return fail(Error(Code::not_found, "there is no image for " + text_of(platform) +
                                           ", only for " + join(others, ", "))
                    .with_hint("--platform chooses another"));
}

Result<> check_layer_type(std::string_view media_type) {
    if (contains(kLayers, media_type)) return {};
    return fail(Code::unsupported,
                "it has a layer of the unknown type '" + printable(media_type) + "'");
}

std::string oci_layer_type(std::string_view media_type) {
    if (!media_type.starts_with("application/vnd.docker.")) return std::string(media_type);
    if (media_type.ends_with("gzip")) return std::string(oci::kMediaTypeLayerGzip);
    if (media_type.ends_with("zstd")) return std::string(oci::kMediaTypeLayerZstd);
    return std::string(oci::kMediaTypeLayer);
}

}  // namespace crank::registry
