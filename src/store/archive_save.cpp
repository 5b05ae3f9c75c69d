#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "oci/docker_archive.h"
#include "store/archive.h"
#include "store/tar_format.h"
#include "sys/file.h"

namespace crank::store {

namespace {

// A file of the archive: a text, or a layer's tar.
struct Member {
    std::string text;
    std::optional<Layer> layer;
    std::int64_t size() const {
        return layer ? layer->tar_size : static_cast<std::int64_t>(text.size());
    }
};
// Sorted by name, which makes the archive independent of the order of the images.
using Members = std::map<std::string, Member>;

struct SavedImage {
    Image image;
    std::string config_json;
    std::set<std::string> tags;  // full references that were asked for
    std::vector<Layer> layers;   // lowest first
};

// Each image once, with the tags among `names`.
Result<std::vector<SavedImage>> select(Store& store, const std::vector<std::string>& names) {
    std::map<oci::Digest, SavedImage> images;
    for (const std::string& name : names) {
        Image image = TRY(store.find(name));
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

std::string blob_path(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

std::string familiar(const std::string& tag) {
    auto reference = oci::Reference::parse(tag);
    return reference ? reference->familiar() : tag;
}

// The manifest's descriptor, once per tag. containerd's annotation has the whole name; the
// specification's (image-layout.md, "annotations") only the tag, as Docker writes it.
void add_to_index(oci::Index& index, const SavedImage& saved, const oci::Descriptor& manifest) {
    if (saved.tags.empty()) index.manifests.push_back(manifest);
    for (const std::string& tag : saved.tags) {
        oci::Descriptor named = manifest;
        named.annotations["io.containerd.image.name"] = tag;
        named.annotations["org.opencontainers.image.ref.name"] = tag.substr(tag.rfind(':') + 1);
        index.manifests.push_back(std::move(named));
    }
}

void add_oci(Members& members, const std::vector<SavedImage>& images) {
    oci::Index index;
    index.media_type = oci::kMediaTypeIndex;
    for (const SavedImage& saved : images) {
        oci::Manifest manifest;
        manifest.media_type = oci::kMediaTypeManifest;
        manifest.config = {std::string(oci::kMediaTypeConfig),
                           saved.image.id,
                           static_cast<std::int64_t>(saved.config_json.size()),
                           {},
                           {}};
        members[blob_path(saved.image.id)] = {saved.config_json, {}};
        for (const Layer& layer : saved.layers) {
            manifest.layers.push_back(
                {std::string(oci::kMediaTypeLayer), layer.diff_id, layer.tar_size, {}, {}});
            members[blob_path(layer.diff_id)] = {{}, layer};
        }
        std::string text = oci::serialize(manifest);
        oci::Descriptor descriptor{manifest.media_type,
                                   oci::Digest::of(text),
                                   static_cast<std::int64_t>(text.size()),
                                   {},
                                   saved.image.config.platform};
        add_to_index(index, saved, descriptor);
        members[blob_path(descriptor.digest)] = {std::move(text), {}};
    }
    // Some readers give directories without an entry odd owners and modes.
    members["blobs/"] = members["blobs/sha256/"] = {};
    members["index.json"] = {oci::serialize(index), {}};
    members["oci-layout"] = {R"({"imageLayoutVersion":"1.0.0"})", {}};
}

enum class Names { docker, oci };

void add_docker(Members& members, const std::vector<SavedImage>& images, Names names) {
    auto path_of = [&](const oci::Digest& digest, const char* suffix) {
        return names == Names::oci ? blob_path(digest) : digest.hex() + suffix;
    };
    std::vector<oci::DockerArchiveImage> list;
    for (const SavedImage& saved : images) {
        oci::DockerArchiveImage& out = list.emplace_back();
        out.config = path_of(saved.image.id, ".json");
        members[out.config] = {saved.config_json, {}};
        for (const std::string& tag : saved.tags) out.repo_tags.push_back(familiar(tag));
        for (const Layer& layer : saved.layers) {
            out.layers.push_back(path_of(layer.diff_id, ".tar"));
            members[out.layers.back()] = {{}, layer};
        }
    }
    members["manifest.json"] = {oci::serialize(list), {}};
}

Result<> put(int fd, std::string_view bytes) { return sys::write_all(fd, bytes, "the archive"); }

Result<> write_archive(Store& store, const Members& members, int fd) {
    for (const auto& [path, member] : members) {
        TarEntry entry;
        entry.path = path;
        entry.mode = 0644;
        entry.size = member.size();
        if (path.ends_with('/')) {
            entry.kind = TarKind::dir;
            entry.mode = 0755;
        }
        TRY(put(fd, encode_header(entry)));
        if (member.layer) {
            TRY(store.write_layer_tar(member.layer->diff_id, fd));
        } else {
            TRY(put(fd, member.text));
        }
        TRY(put(fd, std::string(static_cast<std::size_t>(tar_padding(entry.size)), '\0')));
    }
    return put(fd, std::string(2 * kTarBlock, '\0'));
}

}  // namespace

Result<> save(Store& store, const std::vector<std::string>& names, ArchiveFormat format, int fd) {
    if (names.empty()) return fail(Code::invalid_argument, "no image to save");
    auto images = TRY(select(store, names));
    Members members;
    if (format != ArchiveFormat::docker) add_oci(members, images);
    if (format != ArchiveFormat::oci)
        add_docker(members, images, format == ArchiveFormat::both ? Names::oci : Names::docker);
    return write_archive(store, members, fd);
}

}  // namespace crank::store
