#include "exchange/saved.h"

#include <algorithm>
#include <map>

namespace crank::exchange {

namespace {

using store::Store;

bool is_written_plain(const oci::Manifest& manifest, const SavedImage& saved) {
    if (manifest.config.digest != saved.image.id ||
        manifest.config.size != static_cast<std::int64_t>(saved.config_json.size()))
        return false;
    return std::ranges::equal(
        manifest.layers, saved.layers, [](const oci::Descriptor& blob, const store::Layer& layer) {
            return blob.media_type == oci::kMediaTypeLayer && blob.digest == layer.diff_id &&
                   blob.size == layer.tar_size;
        });
}

std::string new_manifest(const SavedImage& saved) {
    oci::Manifest manifest;
    manifest.media_type = oci::kMediaTypeManifest;
    manifest.config = {std::string(oci::kMediaTypeConfig),
                       saved.image.id,
                       static_cast<std::int64_t>(saved.config_json.size()),
                       {},
                       {}};
    for (const store::Layer& layer : saved.layers)
        manifest.layers.push_back(
            {std::string(oci::kMediaTypeLayer), layer.diff_id, layer.tar_size, {}, {}});
    return oci::serialize(manifest);
}

}  // namespace

Result<std::vector<SavedImage>> select_images(Store& store, const std::vector<std::string>& names) {
    std::map<oci::Digest, SavedImage> images;
    for (const std::string& name : names) {
        store::Image image = TRY(store.find(name));
        auto [at, inserted] = images.try_emplace(image.id);
        SavedImage& saved = at->second;
        auto reference = oci::Reference::parse(name);
        if (reference && std::ranges::find(image.tags, reference->str()) != image.tags.end())
            saved.tags.insert(reference->str());
        if (!inserted) continue;
        saved.config_json = TRY(store.config_json(image.id));
        for (const oci::Digest& diff_id : image.config.diff_ids) {
            auto layer = TRY(store.find_layer(diff_id));
            if (!layer)
                return fail(Code::corrupt, "layer " + diff_id.str() + " of " + name + " is gone");
            saved.layers.push_back(*layer);
        }
        saved.image = std::move(image);
    }
    std::vector<SavedImage> out;
    for (auto& [id, saved] : images) out.push_back(std::move(saved));
    return out;
}

Result<SavedManifest> oci_manifest(Store& store, const SavedImage& saved) {
    SavedManifest out;
    for (Store::Manifest& kept : TRY(store.manifests_of(saved.image.id))) {
        if (kept.media_type != oci::kMediaTypeManifest) continue;
        auto manifest = oci::parse_manifest(kept.json);
        if (!manifest || !is_written_plain(*manifest, saved)) continue;
        out.json = std::move(kept.json);
        break;
    }
    if (out.json.empty()) out.json = new_manifest(saved);
    out.descriptor = {std::string(oci::kMediaTypeManifest),
                      oci::Digest::of(out.json),
                      static_cast<std::int64_t>(out.json.size()),
                      {},
                      saved.image.config.platform};
    return out;
}

oci::Descriptor named(oci::Descriptor manifest, const std::string& tag, std::string ref_name) {
    manifest.annotations[kContainerdName] = tag;
    manifest.annotations[kRefName] = std::move(ref_name);
    return manifest;
}

std::string tag_of(const std::string& reference) {
    return reference.substr(reference.rfind(':') + 1);
}

}  // namespace crank::exchange
