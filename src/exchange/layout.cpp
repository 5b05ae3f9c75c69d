#include "exchange/layout.h"

#include <algorithm>

#include "base/text.h"
#include "exchange/saved.h"
#include "oci/docker_archive.h"
#include "oci/json_reader.h"
#include "registry/document.h"

namespace crank::exchange {

namespace {

constexpr std::size_t kMaxImages = 1000;  // of one layout, as of docker's archives
constexpr int kMaxIndexes = 1000;         // that are read: one may be named again and again
constexpr int kMaxNesting = 4;            // of indexes
constexpr std::size_t kMaxNamed = 20;     // in an error

bool is_index(std::string_view media_type) {
    return media_type == oci::kMediaTypeIndex || media_type == registry::kDockerIndex;
}
bool is_manifest(std::string_view media_type) {
    return media_type == oci::kMediaTypeManifest || media_type == registry::kDockerManifest;
}

std::string annotation(const oci::Descriptor& descriptor, const char* key) {
    auto at = descriptor.annotations.find(key);
    return at == descriptor.annotations.end() ? std::string() : at->second;
}

std::string printable(std::string_view text) {
    std::string out;
    for (char c : text.substr(0, 200)) out += c >= 0x20 && c < 0x7f ? c : '?';
    return out;
}

// The full reference in containerd's annotation, or the specification's where it is more than a
// tag.
std::string full_name(const oci::Descriptor& descriptor) {
    for (const char* key : {kContainerdName, kRefName}) {
        std::string text = annotation(descriptor, key);
        auto reference = oci::Reference::parse(text);
        bool is_name = text.find_first_of(":/") != std::string::npos;
        if (reference && is_name && !reference->digest) return reference->str();
    }
    return {};
}

// What a person can write to mean this image.
std::string shown_name(const oci::Descriptor& descriptor) {
    std::string name = annotation(descriptor, kRefName);
    if (name.empty()) name = annotation(descriptor, kContainerdName);
    return name.empty() ? descriptor.digest.str() : printable(name);
}

std::string list_of(std::vector<std::string> names) {
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    std::size_t more = names.size() > kMaxNamed ? names.size() - kMaxNamed : 0;
    names.resize(names.size() - more);
    return join(names, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

std::unexpected<Error> none_of_that_name(const Files& files, const Selection& selection,
                                         const std::vector<std::string>& names) {
    return fail(
        Error(Code::not_found, files.name() + " has no image '" + printable(selection.name) + "'")
            .with_hint("it has " + list_of(names)));
}
std::unexpected<Error> several(const Files& files, const Selection& selection,
                               const std::vector<std::string>& names) {
    std::string what = selection.name.empty() ? " images" : " that match";
    return fail(
        Error(Code::invalid_argument, files.name() + " has several" + what + ": " + list_of(names))
            .with_hint("put ':' and one of these behind its name"));
}

class LayoutReader {
public:
    LayoutReader(std::shared_ptr<const Files> files, const Selection& selection)
        : files_(std::move(files)), selection_(selection) {}

    Result<std::vector<IncomingImage>> read() {
        TRY_IN(check_version(), "oci-layout");
        auto index = TRY(oci::parse_index(TRY(files_->text("index.json"))));
        std::vector<oci::Descriptor> wanted = TRY(choose(index));
        for (const oci::Descriptor& descriptor : wanted)
            TRY(follow(descriptor, full_name(descriptor), 0));
        if (found_.empty()) return nothing(wanted);
        if (selection_.count == Selection::Count::one && found_.size() > 1)
            return several(*files_, selection_, names_of(index.manifests));
        std::vector<IncomingImage> images;
        for (const Found& found : found_) images.push_back(TRY(read_image(found)));
        return images;
    }

private:
    // The image of a manifest, however often the index names it.
    struct Found {
        oci::Descriptor descriptor;
        std::vector<std::string> tags;
    };

    Result<> check_version() {
        auto json = TRY(oci::parse_json(TRY(files_->text("oci-layout")), Code::corrupt));
        auto in = TRY(oci::ObjectReader::create(json, "", Code::corrupt));
        std::string version = "1.0.0";
        TRY(in.read("imageLayoutVersion", version));
        if (!version.starts_with("1."))
            return fail(Code::unsupported, "a layout of version " + printable(version));
        return {};
    }

    // Attestations stand in an index under the platform unknown/unknown.
    bool fits(const oci::Descriptor& descriptor) const {
        if (!descriptor.platform) return true;
        const oci::Platform& has = *descriptor.platform;
        const oci::Platform& want = selection_.platform;
        return has.os == want.os && has.architecture == want.architecture &&
               (want.variant.empty() || has.variant.empty() || has.variant == want.variant);
    }
    bool is_called(const oci::Descriptor& descriptor, const std::string& name) const {
        if (annotation(descriptor, kRefName) == name) return true;
        auto wanted = oci::Reference::parse(name);
        return wanted && full_name(descriptor) == wanted->str();
    }
    static std::vector<std::string> names_of(const std::vector<oci::Descriptor>& descriptors) {
        std::vector<std::string> names;
        for (const oci::Descriptor& descriptor : descriptors)
            names.push_back(shown_name(descriptor));
        return names;
    }

    Result<std::vector<oci::Descriptor>> choose(const oci::Index& index) {
        if (selection_.name.empty()) return index.manifests;
        std::vector<oci::Descriptor> wanted;
        // What the layout itself calls so goes before what a person would.
        for (const oci::Descriptor& descriptor : index.manifests)
            if (annotation(descriptor, kRefName) == selection_.name ||
                descriptor.digest.str() == selection_.name)
                wanted.push_back(descriptor);
        for (const oci::Descriptor& descriptor : index.manifests)
            if (wanted.empty() && is_called(descriptor, selection_.name))
                wanted.push_back(descriptor);
        if (wanted.empty())
            return none_of_that_name(*files_, selection_, names_of(index.manifests));
        return wanted;
    }

    Result<> follow(const oci::Descriptor& descriptor, const std::string& tag, int depth) {
        if (depth == kMaxNesting)
            return fail(Code::corrupt, "the indexes of " + files_->name() + " are nested too deep");
        if (!fits(descriptor)) return {};
        // image-index.md: what is of an unknown type is no error, it is somebody else's.
        if (is_manifest(descriptor.media_type)) {
            auto same = std::ranges::find(found_, descriptor.digest, [](const Found& found) {
                return found.descriptor.digest;
            });
            if (same == found_.end() && found_.size() == kMaxImages)
                return fail(Code::corrupt, files_->name() + " names more than 1000 images");
            if (same == found_.end()) same = found_.insert(same, Found{descriptor, {}});
            if (!tag.empty() && std::ranges::find(same->tags, tag) == same->tags.end())
                same->tags.push_back(tag);
        } else if (is_index(descriptor.media_type)) {
            if (++indexes_ > kMaxIndexes)
                return fail(Code::corrupt, files_->name() + " names more than 1000 indexes");
            auto index = TRY(oci::parse_index(TRY(document(descriptor))));
            for (const oci::Descriptor& inner : index.manifests) {
                std::string own = full_name(inner);
                TRY(follow(inner, own.empty() ? tag : own, depth + 1));
            }
        }
        return {};
    }

    std::unexpected<Error> nothing(const std::vector<oci::Descriptor>& wanted) const {
        std::string platform = registry::text_of(selection_.platform);
        std::vector<std::string> types;
        for (const oci::Descriptor& descriptor : wanted)
            if (!is_manifest(descriptor.media_type) && !is_index(descriptor.media_type))
                types.push_back(printable(descriptor.media_type));
        std::string also = types.empty() ? "" : ", only things of the type " + list_of(types);
        return fail(Code::unsupported, files_->name() + " has no image for " + platform + also);
    }

    static std::string path_of(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

    Result<std::string> document(const oci::Descriptor& descriptor) {
        std::string text = TRY(files_->text(path_of(descriptor.digest)));
        std::string blob = "blob " + descriptor.digest.str() + " of " + files_->name();
        if (static_cast<std::int64_t>(text.size()) != descriptor.size)
            return fail(Code::corrupt, blob + " has " + std::to_string(text.size()) +
                                           " bytes, not " + std::to_string(descriptor.size));
        oci::Digest digest = oci::Digest::of(text);
        if (digest != descriptor.digest)
            return fail(Code::corrupt, blob + " has the digest " + digest.str());
        return text;
    }

    Result<IncomingImage> read_image(const Found& found) {
        std::string text = TRY(document(found.descriptor));
        auto manifest = TRY(oci::parse_manifest(text));
        TRY(registry::check_manifest_types(manifest));
        IncomingImage image = TRY(incoming(TRY(document(manifest.config))));
        for (const oci::Descriptor& layer : manifest.layers)
            image.layers.push_back(
                TRY(layer_of_file(files_, path_of(layer.digest), layer.digest, layer.size)));
        image.tags = found.tags;
        image.media_type = found.descriptor.media_type;
        image.manifest_json = std::move(text);
        return image;
    }

    std::shared_ptr<const Files> files_;
    const Selection& selection_;
    std::vector<Found> found_;
    int indexes_ = 0;
};

bool is_tagged(const oci::DockerArchiveImage& image, const std::string& name) {
    auto wanted = oci::Reference::parse(name);
    return std::ranges::any_of(image.repo_tags, [&](const std::string& tag) {
        auto reference = oci::Reference::parse(tag);
        return tag == name || (wanted && reference && *reference == *wanted);
    });
}

std::vector<std::string> names_of(const std::vector<oci::DockerArchiveImage>& list) {
    std::vector<std::string> names;
    for (const oci::DockerArchiveImage& image : list) {
        for (const std::string& tag : image.repo_tags) names.push_back(printable(tag));
        if (image.repo_tags.empty()) names.push_back(printable(image.config));
    }
    return names;
}

Result<std::vector<oci::DockerArchiveImage>> choose(std::vector<oci::DockerArchiveImage> list,
                                                    const Files& files,
                                                    const Selection& selection) {
    if (list.empty()) return fail(Code::corrupt, files.name() + " holds no image");
    if (selection.count == Selection::Count::all) return list;
    std::vector<oci::DockerArchiveImage> chosen;
    for (const oci::DockerArchiveImage& image : list) {
        if (!selection.name.empty() && !is_tagged(image, selection.name)) continue;
        chosen.push_back(image);
        // The other names were not asked for.
        if (!selection.name.empty()) chosen.back().repo_tags = {selection.name};
    }
    if (chosen.empty()) return none_of_that_name(files, selection, names_of(list));
    if (chosen.size() > 1) return several(files, selection, names_of(chosen));
    return chosen;
}

}  // namespace

Result<std::vector<IncomingImage>> read_layout(std::shared_ptr<const Files> files,
                                               const Selection& selection) {
    for (const char* path : {"oci-layout", "index.json"})
        if (!files->has(path))
            return fail(Code::corrupt, files->name() + " is no OCI layout: it has no " + path);
    return LayoutReader(std::move(files), selection).read();
}

Result<std::vector<IncomingImage>> read_docker_archive(std::shared_ptr<const Files> files,
                                                       const Selection& selection) {
    if (!files->has("manifest.json"))
        return fail(Code::corrupt, files->name() +
                                       " is no archive of docker's: it has no "
                                       "manifest.json");
    std::vector<IncomingImage> images;
    auto list = TRY(oci::parse_docker_archive(TRY(files->text("manifest.json"))));
    for (const auto& listed : TRY(choose(std::move(list), *files, selection))) {
        IncomingImage image = TRY(incoming(TRY(files->text(listed.config))));
        for (const std::string& path : listed.layers)
            image.layers.push_back(TRY(layer_of_file(files, path, {}, 0)));
        for (const std::string& tag : listed.repo_tags)
            image.tags.push_back(TRY_IN(oci::Reference::parse(tag), "manifest.json").str());
        images.push_back(std::move(image));
    }
    return images;
}

Result<std::vector<IncomingImage>> read_skopeo_dir(std::shared_ptr<const Files> files,
                                                   const Selection& selection) {
    if (!files->has("manifest.json"))
        return fail(Code::corrupt,
                    files->name() + " is no directory of skopeo's: it has no manifest.json");
    std::string text = TRY(files->text("manifest.json"));
    if (TRY(registry::is_index_document(text))) {
        auto index = TRY(oci::parse_index(text));
        auto chosen = TRY_IN(registry::select(index, selection.platform), files->name());
        text = TRY(files->text(chosen.digest.hex() + ".manifest.json"));
        if (oci::Digest::of(text) != chosen.digest)
            return fail(Code::corrupt, "manifest " + chosen.digest.str() + " of " + files->name() +
                                           " has the digest " + oci::Digest::of(text).str());
    }
    auto manifest = TRY(oci::parse_manifest(text));
    TRY(registry::check_manifest_types(manifest));
    std::string config = TRY(files->text(manifest.config.digest.hex()));
    if (oci::Digest::of(config) != manifest.config.digest)
        return fail(Code::corrupt, "blob " + manifest.config.digest.str() + " of " + files->name() +
                                       " has the digest " + oci::Digest::of(config).str());
    std::vector<IncomingImage> images{TRY(incoming(std::move(config)))};
    for (const oci::Descriptor& layer : manifest.layers)
        images[0].layers.push_back(
            TRY(layer_of_file(files, layer.digest.hex(), layer.digest, layer.size)));
    images[0].media_type = manifest.media_type;
    images[0].manifest_json = std::move(text);
    return images;
}

Result<std::vector<IncomingImage>> read_archive(std::shared_ptr<const Files> files,
                                                const Selection& selection) {
    if (files->has("oci-layout") && files->has("index.json"))
        return read_layout(std::move(files), selection);
    if (files->has("manifest.json")) return read_docker_archive(std::move(files), selection);
    return fail(Error(Code::corrupt, files->name() + " is no image: it has neither index.json with "
                                                     "oci-layout nor manifest.json")
                    .with_hint("crank import FILE NAME makes an image of a root file system"));
}

}  // namespace crank::exchange
