#include "exchange/containers_storage.h"

#include <algorithm>

#include "base/base64.h"
#include "base/text.h"
#include "exchange/storage_conf.h"
#include "oci/json_reader.h"
#include "registry/document.h"

namespace crank::exchange {

namespace {

constexpr std::int64_t kMaxList = std::int64_t{64} << 20;     // of images.json, layers.json
constexpr std::int64_t kMaxRecords = std::int64_t{16} << 30;  // of one layer, decompressed
constexpr std::size_t kMaxLayers = 127;

// Ids become names of files and directories.
Result<std::string> id_of(oci::ObjectReader& in, const char* field) {
    std::string id;
    TRY(in.read(field, id));
    if (!id.empty() && !oci::Digest::from_hex_text(id))
        return in.bad(field, "is not 64 hexadecimal digits");
    return id;
}

// The elements of a list, each an object.
template <class F>
Result<> each(const Directory& root, const std::string& path, F&& f) {
    auto read = [&]() -> Result<> {
        auto text = TRY(root.text(path, kMaxList));
        auto json = TRY(oci::parse_json(text, Code::corrupt, kMaxList));
        if (!json.is_array()) return fail(Code::corrupt, "the document is not a list");
        for (std::size_t i = 0; i < json.size(); ++i) {
            auto in = TRY(
                oci::ObjectReader::create(json[i], "[" + std::to_string(i) + "]", Code::corrupt));
            TRY(f(in));
        }
        return {};
    };
    TRY_IN(read(), path + " in " + root.name());
    return {};
}

// What is not plain letters and digits is encoded in the name of a file.
std::string big_data_name(const std::string& key) { return "=" + base64_encode(key); }

bool ends_with_name(const std::string& name, const std::string& familiar) {
    return name.ends_with("/" + familiar);
}

bool is_plain(const oci::Manifest& manifest, const std::vector<oci::Digest>& diff_ids) {
    return std::ranges::equal(manifest.layers, diff_ids, {}, &oci::Descriptor::digest);
}

}  // namespace

Result<ContainersStorage> ContainersStorage::open(const std::string& root,
                                                  const std::string& driver) {
    StoragePlace place{driver, {root}};
    if (root.empty()) place = TRY(find_storage());
    ContainersStorage out;
    out.driver_ = place.driver;
    out.shown_ = place.roots.front();
    if (!out.driver_.empty() && out.driver_ != "overlay" && out.driver_ != "vfs")
        return fail(Error(Code::unsupported, "the storage driver " + out.driver_ +
                                                 " is not supported, only overlay and vfs")
                        .with_hint("podman save NAME | crank load"));
    for (const std::string& path : place.roots) {
        auto added = out.add(path);
        bool absent = !added && added.error().code() == Code::not_found;
        // Only the first has to be there: the others are shared ones.
        if (absent && path != place.roots.front()) continue;
        if (absent)
            return fail(Error(Code::not_found, "there is no container storage in " + path)
                            .with_hint("containers-storage:[overlay@/PATH]NAME says where it is"));
        if (!added) return fail(std::move(added).error());
    }
    return out;
}

Result<> ContainersStorage::add(const std::string& path) {
    auto root = TRY(Directory::open_path(path));
    if (driver_.empty())
        for (const char* driver : {"overlay", "vfs"})
            if (driver_.empty() && root->has(std::string(driver) + "-images/images.json"))
                driver_ = driver;
    std::string list = driver_ + "-images/images.json";
    if (driver_.empty() || !root->has(list)) return fail(Code::not_found, "no images.json");
    TRY(each(*root, list, [&](oci::ObjectReader& in) -> Result<> {
        Image image;
        image.id = TRY(id_of(in, "id"));
        image.top_layer = TRY(id_of(in, "layer"));
        TRY(in.read("names", image.names));
        image.root = root;
        if (!image.id.empty()) images_.push_back(std::move(image));
        return {};
    }));
    // Layers of images that are being made stand in the second; there may be none of either.
    for (const char* file : {"layers.json", "volatile-layers.json"})
        TRY(add_layers(root, driver_ + "-layers/" + file));
    return {};
}

Result<> ContainersStorage::add_layers(const std::shared_ptr<const Directory>& root,
                                       const std::string& file) {
    if (!root->has(file)) return {};
    return each(*root, file, [&](oci::ObjectReader& in) -> Result<> {
        std::string id = TRY(id_of(in, "id"));
        if (!id.empty()) layers_.try_emplace(id, Layer{TRY(id_of(in, "parent")), root});
        return {};
    });
}

std::vector<std::string> ContainersStorage::names() const {
    std::vector<std::string> out;
    for (const Image& image : images_)
        for (const std::string& name : image.names) out.push_back(name);
    return out;
}

Result<const ContainersStorage::Image*> ContainersStorage::find(const std::string& typed) const {
    auto reference = oci::Reference::parse(typed);
    std::vector<const Image*> found;
    auto look = [&](auto&& matches) {
        if (!found.empty()) return;
        for (const Image& image : images_)
            if (std::ranges::any_of(image.names, matches)) found.push_back(&image);
    };
    if (reference) {
        look([&](const std::string& name) { return name == reference->str(); });
        std::string familiar = reference->familiar();
        look([&](const std::string& name) { return name == "localhost/" + familiar; });
        look([&](const std::string& name) { return ends_with_name(name, familiar); });
    }
    if (found.empty() && oci::looks_like_id(typed)) {
        std::string hex = typed.starts_with("sha256:") ? typed.substr(7) : typed;
        for (const Image& image : images_)
            if (image.id.starts_with(hex)) found.push_back(&image);
    }
    if (found.size() == 1) return found.front();
    std::string known = join(names(), ", ");
    if (found.empty())
        return fail(Error(Code::not_found, "there is no image '" + typed + "' in " + shown_)
                        .with_hint(known.empty() ? "it has none with a name" : "it has " + known));
    std::vector<std::string> matching;
    for (const Image* image : found)
        matching.push_back(image->names.empty() ? image->id : image->names.front());
    return fail(Error(Code::invalid_argument, "'" + typed + "' is the name of several images in " +
                                                  shown_ + ": " + join(matching, ", "))
                    .with_hint("write one of them in full"));
}

Result<IncomingLayer> ContainersStorage::layer(const std::string& id) const {
    auto at = layers_.find(id);
    IncomingLayer out;
    out.name = "layer " + id + " of " + shown_;
    if (at == layers_.end()) return fail(Code::corrupt, out.name + " is missing");
    auto root = at->second.root;
    std::string records = driver_ + "-layers/" + id + ".tar-split.gz";
    std::string tree = driver_ == "vfs" ? "vfs/dir/" + id : "overlay/" + id + "/diff";
    out.open = [root, records, tree,
                name = out.name]() -> Result<std::unique_ptr<store::ByteSource>> {
        if (!root->has(records))
            return fail(Error(Code::unsupported, name + " has no tar-split, which says what its "
                                                        "tar was")
                            .with_hint("podman save NAME | crank load"));
        auto directory = root->below(tree);
        if (!directory && directory.error().code() == Code::not_found)
            return fail(Code::corrupt, name + " has no files: " + tree + " is missing");
        if (!directory) return fail(std::move(directory).error());
        auto plain =
            TRY(store::decompress(TRY(root->open(records)).bytes, kMaxRecords, "its tar-split"));
        return store::join_tar_split(std::move(plain), contents_of(*directory), name);
    };
    return out;
}

Result<IncomingImage> ContainersStorage::read(const Image& image) const {
    std::string directory = driver_ + "-images/" + image.id + "/";
    std::string manifest_json = TRY(image.root->text(directory + "manifest"));
    auto manifest = TRY(oci::parse_manifest(manifest_json));
    TRY(registry::check_manifest_types(manifest));
    auto config = TRY(image.root->text(directory + big_data_name(manifest.config.digest.str())));
    oci::Digest digest = oci::Digest::of(config);
    if (digest != manifest.config.digest)
        return fail(Code::corrupt,
                    "the configuration of image " + image.id + " has the digest " + digest.str());
    IncomingImage out = TRY(incoming(std::move(config)));
    for (std::string id = image.top_layer; !id.empty(); id = layers_.at(id).parent) {
        if (out.layers.size() == kMaxLayers)
            return fail(Code::corrupt, "image " + image.id + " has more than 127 layers");
        out.layers.push_back(TRY(layer(id)));
    }
    std::ranges::reverse(out.layers);
    for (const std::string& name : image.names) {
        auto reference = oci::Reference::parse(name);
        if (reference && !reference->digest) out.tags.push_back(reference->str());
    }
    // A registry's, as podman has pulled it. Where podman built the image it is podman's own, whose
    // uncompressed layers are nothing to send to a registry.
    if (!is_plain(manifest, out.diff_ids)) {
        out.media_type = manifest.media_type;
        out.manifest_json = std::move(manifest_json);
    }
    return out;
}

}  // namespace crank::exchange
