#include "transfer/manifest.h"

#include "base/text.h"
#include "registry/document.h"

namespace crank::transfer {

Result<RemoteImage> check_image(std::string_view manifest_json, std::string_view config_json) {
    RemoteImage out;
    out.manifest_json = manifest_json;
    out.config_json = config_json;
    out.manifest = TRY(oci::parse_manifest(out.manifest_json));
    out.manifest_digest = oci::Digest::of(out.manifest_json);
    out.id = oci::Digest::of(out.config_json);
    if (out.id != out.manifest.config.digest)
        return fail(Code::corrupt, "the configuration has the digest " + out.id.str() +
                                       " instead of " + out.manifest.config.digest.str());
    out.config = TRY(oci::parse_image_config(out.config_json));
    if (out.config.platform.os != "linux")
        return fail(Code::unsupported, "the image is for " + out.config.platform.os);
    if (out.config.diff_ids.size() != out.manifest.layers.size())
        return fail(Code::corrupt,
                    "the manifest has " + std::to_string(out.manifest.layers.size()) +
                        " layers, the configuration " + std::to_string(out.config.diff_ids.size()));
    for (const oci::Descriptor& layer : out.manifest.layers)
        TRY(registry::check_layer_type(layer.media_type));
    return out;
}

Result<RemoteImage> resolve(Channel& channel, const std::string& typed,
                            const std::string& platform) {
    auto wanted =
        platform.empty() ? registry::host_platform() : TRY(registry::parse_platform(platform));
    std::string data;
    Fields answer = TRY(channel.ask(
        {{"op", "resolve"}, {"reference", typed}, {"platform", registry::text_of(wanted)}}, &data,
        2 * registry::kMaxDocument));
    auto size = parse_int(TRY(field(answer, "manifest_size")));
    if (!size || *size < 0 || *size > static_cast<std::int64_t>(data.size()))
        return fail(Code::internal, "crank-net's answer has no manifest");
    auto split_at = static_cast<std::size_t>(*size);
    RemoteImage out = TRY_IN(check_image(std::string_view(data).substr(0, split_at),
                                         std::string_view(data).substr(split_at)),
                             typed);
    out.digest = TRY(oci::Digest::parse(TRY(field(answer, "digest"))));
    out.media_type = TRY(field(answer, "media_type"));
    for (const char* name : {"domain", "repository", "insecure"})
        out.place[name] = TRY(field(answer, name));
    return out;
}

oci::Manifest make_manifest(const oci::Digest& config, std::int64_t config_size,
                            const std::vector<store::Store::Blob>& layers,
                            store::Compression compression) {
    oci::Manifest out;
    out.media_type = oci::kMediaTypeManifest;
    out.config = {std::string(oci::kMediaTypeConfig), config, config_size, {}, {}};
    for (const store::Store::Blob& layer : layers)
        out.layers.push_back({layer.media_type, layer.digest, layer.size, {}, {}});
    out.annotations[std::string(store::kEncoderAnnotation)] = store::encoder_version(compression);
    return out;
}

}  // namespace crank::transfer
