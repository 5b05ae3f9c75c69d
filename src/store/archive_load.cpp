#include <algorithm>
#include <set>

#include "base/crash_point.h"
#include "oci/docker_archive.h"
#include "store/archive.h"
#include "store/archive_index.h"

namespace crank::store {

namespace {

constexpr int kMaxNesting = 4;  // of indexes

constexpr std::string_view kHostArchitecture =
#if defined(__x86_64__)
    "amd64";
#elif defined(__aarch64__)
    "arm64";
#else
    "unknown";
#endif

// An image of the archive, before its layers are read.
struct Candidate {
    std::string config_json;
    std::vector<oci::Digest> diff_ids;
    std::vector<ArchiveIndex::Range> layers;  // lowest first
    std::vector<std::string> tags;
};

Result<Candidate> candidate(std::string config_json) {
    Candidate out;
    auto config = TRY(oci::parse_image_config(config_json));
    if (config.platform.os != "linux")
        return fail(Code::unsupported, "the image is for " + config.platform.os);
    out.diff_ids = std::move(config.diff_ids);
    out.config_json = std::move(config_json);
    return out;
}

class OciReader {
public:
    explicit OciReader(const ArchiveIndex& archive) : archive_(archive) {}

    Result<std::vector<Candidate>> read() {
        auto index = TRY(oci::parse_index(TRY(archive_.text("index.json"))));
        TRY(read_index(index, {}, 0));
        if (images_.empty())
            return fail(Code::unsupported,
                        "the archive has no image for linux/" + std::string(kHostArchitecture));
        return std::move(images_);
    }

private:
    static bool is_index(const oci::Descriptor& descriptor) {
        return descriptor.media_type == oci::kMediaTypeIndex ||
               descriptor.media_type.find("manifest.list") != std::string::npos;
    }
    // Attestations stand in an index under the platform unknown/unknown.
    static bool fits_host(const oci::Descriptor& descriptor) {
        return !descriptor.platform || (descriptor.platform->os == "linux" &&
                                        descriptor.platform->architecture == kHostArchitecture);
    }
    // The full reference in containerd's annotation, or the specification's where it is more than
    // a tag.
    static std::string tag_of(const oci::Descriptor& descriptor) {
        for (const char* key : {"io.containerd.image.name", "org.opencontainers.image.ref.name"}) {
            auto at = descriptor.annotations.find(key);
            if (at == descriptor.annotations.end()) continue;
            auto reference = oci::Reference::parse(at->second);
            bool is_name = at->second.find_first_of(":/") != std::string::npos;
            if (reference && is_name && !reference->digest) return reference->str();
        }
        return {};
    }

    Result<> read_index(const oci::Index& index, const std::string& outer_tag, int depth) {
        if (depth == kMaxNesting)
            return fail(Code::corrupt, "the indexes of the archive are nested too deep");
        for (const oci::Descriptor& descriptor : index.manifests) {
            if (!fits_host(descriptor)) continue;
            std::string tag = tag_of(descriptor);
            if (tag.empty()) tag = outer_tag;
            std::string text = TRY(blob(descriptor));
            if (is_index(descriptor)) {
                TRY(read_index(TRY(oci::parse_index(text)), tag, depth + 1));
            } else {
                TRY(read_manifest(TRY(oci::parse_manifest(text)), tag));
            }
        }
        return {};
    }

    Result<> read_manifest(const oci::Manifest& manifest, const std::string& tag) {
        Candidate image = TRY(candidate(TRY(blob(manifest.config))));
        if (!tag.empty()) image.tags.push_back(tag);
        for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
            const oci::Descriptor& layer = manifest.layers[i];
            // An uncompressed layer is verified when it is imported.
            bool is_plain = i < image.diff_ids.size() && layer.digest == image.diff_ids[i];
            image.layers.push_back(TRY(is_plain ? range(layer) : verified(layer)));
        }
        images_.push_back(std::move(image));
        return {};
    }

    Result<ArchiveIndex::Range> range(const oci::Descriptor& descriptor) {
        auto found = TRY(archive_.find("blobs/sha256/" + descriptor.digest.hex()));
        if (found.size != descriptor.size)
            return fail(Code::corrupt, "blob " + descriptor.digest.str() + " has " +
                                           std::to_string(found.size) + " bytes, not " +
                                           std::to_string(descriptor.size));
        return found;
    }
    Result<ArchiveIndex::Range> verified(const oci::Descriptor& descriptor) {
        auto found = TRY(range(descriptor));
        if (!verified_.insert(descriptor.digest).second) return found;
        RangeSource source(archive_.fd(), found.offset, found.size, descriptor.digest.str());
        HashingSource hashed(source);
        oci::Digest digest = TRY(hashed.finish());
        if (digest != descriptor.digest)
            return fail(Code::corrupt, "blob " + descriptor.digest.str() +
                                           " of the archive has the digest " + digest.str());
        return found;
    }
    Result<std::string> blob(const oci::Descriptor& descriptor) {
        TRY(verified(descriptor));
        return archive_.text("blobs/sha256/" + descriptor.digest.hex());
    }

    const ArchiveIndex& archive_;
    std::set<oci::Digest> verified_;
    std::vector<Candidate> images_;
};

Result<std::vector<Candidate>> read_docker(const ArchiveIndex& archive) {
    std::vector<Candidate> images;
    auto list = TRY(oci::parse_docker_archive(TRY(archive.text("manifest.json"))));
    for (const oci::DockerArchiveImage& image : list) {
        Candidate out = TRY(candidate(TRY(archive.text(image.config))));
        for (const std::string& path : image.layers) out.layers.push_back(TRY(archive.find(path)));
        for (const std::string& tag : image.repo_tags)
            out.tags.push_back(TRY_IN(oci::Reference::parse(tag), "manifest.json").str());
        images.push_back(std::move(out));
    }
    if (images.empty()) return fail(Code::corrupt, "the archive holds no image");
    return images;
}

Result<std::vector<Candidate>> read_images(const ArchiveIndex& archive) {
    if (archive.has("oci-layout") && archive.has("index.json")) return OciReader(archive).read();
    if (archive.has("manifest.json")) return read_docker(archive);
    return fail(
        Error(Code::corrupt,
              "the archive is no image: it has neither index.json with "
              "oci-layout nor manifest.json")
            .with_hint("'FROM scratch' and 'ADD it /' in a Dockerfile make an image of a root file "
                       "system"));
}

// The layers of every image first, then all images and tags in one transaction.
struct Loader {
    Store& store;
    std::vector<std::int64_t> made = {};

    Result<> import_layers(const ArchiveIndex& archive, const Candidate& image) {
        if (image.layers.size() != image.diff_ids.size())
            return fail(Code::corrupt, "an image has " + std::to_string(image.layers.size()) +
                                           " layers, its configuration names " +
                                           std::to_string(image.diff_ids.size()));
        for (std::size_t i = 0; i < image.layers.size(); ++i) {
            if (TRY(store.find_layer(image.diff_ids[i]))) continue;
            const ArchiveIndex::Range& range = image.layers[i];
            auto layer = TRY(store.import_range(archive.fd(), range.offset, range.size,
                                                image.diff_ids[i], "a layer of the archive"));
            made.push_back(layer.number);
        }
        return {};
    }

    Result<std::vector<Loaded>> run(const ArchiveIndex& archive) {
        auto images = TRY(read_images(archive));
        for (const Candidate& image : images) TRY(import_layers(archive, image));
        crash_point("store.load.before_images");
        std::vector<Store::NewImage> news;
        for (Candidate& image : images)
            news.push_back({std::move(image.config_json), std::move(image.tags)});
        auto ids = TRY(store.add_images(news));
        std::vector<Loaded> out;
        for (std::size_t i = 0; i < news.size(); ++i) {
            auto same = std::ranges::find(out, ids[i], &Loaded::id);
            if (same == out.end()) same = out.insert(out.end(), {ids[i], {}});
            same->tags.insert(same->tags.end(), news[i].tags.begin(), news[i].tags.end());
        }
        return out;
    }
};

}  // namespace

Result<std::vector<Loaded>> load(Store& store, int fd) {
    Staging spool = TRY(store.stage());
    auto archive = TRY_IN(ArchiveIndex::read(fd, spool.path()), "loading an image");
    Loader loader{store};
    auto loaded = loader.run(archive);
    if (loaded) return loaded;
    Error error = std::move(loaded).error().with_context("loading an image");
    if (auto dropped = store.drop_layers(loader.made); !dropped)
        error = std::move(error).with_cleanup(dropped.error());
    return fail(std::move(error));
}

}  // namespace crank::store
