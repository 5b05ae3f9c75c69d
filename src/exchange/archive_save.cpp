#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "exchange/archive.h"
#include "exchange/saved.h"
#include "oci/docker_archive.h"
#include "store/tar_format.h"
#include "sys/file.h"

namespace crank::exchange {

namespace {

using store::Store;

// A file of the archive: a text, or a layer's tar.
struct Member {
    std::string text;
    std::optional<store::Layer> layer;
    std::int64_t size() const {
        return layer ? layer->tar_size : static_cast<std::int64_t>(text.size());
    }
};
// Sorted by name, which makes the archive independent of the order of the images.
using Members = std::map<std::string, Member>;

std::string blob_path(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

std::string familiar(const std::string& tag) {
    auto reference = oci::Reference::parse(tag);
    return reference ? reference->familiar() : tag;
}

// The manifest's descriptor, once per tag.
void add_to_index(oci::Index& index, const SavedImage& saved, const oci::Descriptor& manifest) {
    if (saved.tags.empty()) index.manifests.push_back(manifest);
    for (const std::string& tag : saved.tags)
        index.manifests.push_back(named(manifest, tag, tag_of(tag)));
}

Result<> add_oci(Store& store, Members& members, const std::vector<SavedImage>& images) {
    oci::Index index;
    index.media_type = oci::kMediaTypeIndex;
    for (const SavedImage& saved : images) {
        SavedManifest manifest = TRY(oci_manifest(store, saved));
        members[blob_path(saved.image.id)] = {saved.config_json, {}};
        for (const store::Layer& layer : saved.layers)
            members[blob_path(layer.diff_id)] = {{}, layer};
        add_to_index(index, saved, manifest.descriptor);
        members[blob_path(manifest.descriptor.digest)] = {std::move(manifest.json), {}};
    }
    // Some readers give directories without an entry odd owners and modes.
    members["blobs/"] = members["blobs/sha256/"] = {};
    members["index.json"] = {oci::serialize(index), {}};
    members["oci-layout"] = {std::string(kOciLayout), {}};
    return {};
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
        for (const store::Layer& layer : saved.layers) {
            out.layers.push_back(path_of(layer.diff_id, ".tar"));
            members[out.layers.back()] = {{}, layer};
        }
    }
    members["manifest.json"] = {oci::serialize(list), {}};
}

Result<> put(int fd, std::string_view bytes) { return sys::write_all(fd, bytes, "the archive"); }

Result<> write_archive(Store& store, const Members& members, int fd) {
    for (const auto& [path, member] : members) {
        store::TarEntry entry;
        entry.path = path;
        entry.mode = 0644;
        entry.size = member.size();
        if (path.ends_with('/')) {
            entry.kind = store::TarKind::dir;
            entry.mode = 0755;
        }
        TRY(put(fd, store::encode_header(entry)));
        if (member.layer) {
            TRY(store.write_layer_tar(member.layer->diff_id, fd));
        } else {
            TRY(put(fd, member.text));
        }
        TRY(put(fd, std::string(static_cast<std::size_t>(store::tar_padding(entry.size)), '\0')));
    }
    return put(fd, std::string(2 * store::kTarBlock, '\0'));
}

Result<> save_selected(Store& store, const std::vector<SavedImage>& images, ArchiveFormat format,
                       int fd) {
    Members members;
    if (format != ArchiveFormat::docker) TRY(add_oci(store, members, images));
    if (format != ArchiveFormat::oci)
        add_docker(members, images, format == ArchiveFormat::both ? Names::oci : Names::docker);
    return write_archive(store, members, fd);
}

}  // namespace

Result<> save(Store& store, const std::vector<std::string>& names, ArchiveFormat format, int fd) {
    if (names.empty()) return fail(Code::invalid_argument, "no image to save");
    return save_selected(store, TRY(select_images(store, names)), format, fd);
}

Result<> save_as(Store& store, const std::string& id, const std::vector<std::string>& tags,
                 ArchiveFormat format, int fd) {
    auto images = TRY(select_images(store, {id}));
    images.front().tags.clear();
    for (const std::string& tag : tags)
        images.front().tags.insert(TRY(oci::Reference::parse(tag)).str());
    return save_selected(store, images, format, fd);
}

}  // namespace crank::exchange
