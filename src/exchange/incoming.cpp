#include "exchange/incoming.h"

#include <algorithm>
#include <set>

#include "base/crash_point.h"

namespace crank::exchange {

namespace {

using store::Store;

// Hashes a source that it owns.
class Hashed : public store::ByteSource {
public:
    explicit Hashed(std::shared_ptr<store::ByteSource> source)
        : source_(std::move(source)), hashing_(*source_) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) override { return hashing_.read(out); }
    // Of everything, also of what nobody has wanted to read.
    Result<oci::Digest> finish() { return hashing_.finish(); }

private:
    std::shared_ptr<store::ByteSource> source_;
    store::HashingSource hashing_;
};

class Intake {
public:
    Intake(Store& store, const ProgressSink& progress) : store_(store), progress_(progress) {}

    Result<std::vector<Loaded>> run(std::vector<IncomingImage>& images) {
        for (const IncomingImage& image : images) TRY(take_layers(image));
        crash_point("exchange.take_in.before_images");
        std::vector<Store::NewImage> news;
        for (const IncomingImage& image : images) news.push_back({image.config_json, image.tags});
        std::vector<Loaded::Taken> before = holders_of(images);
        auto ids = TRY(store_.add_images(news));
        std::vector<Loaded> out;
        for (std::size_t i = 0; i < images.size(); ++i) {
            TRY(record(ids[i], images[i]));
            auto same = std::ranges::find(out, ids[i], &Loaded::id);
            if (same == out.end()) same = out.insert(out.end(), {ids[i], {}});
            same->tags.insert(same->tags.end(), images[i].tags.begin(), images[i].tags.end());
            for (const Loaded::Taken& held : before)
                if (held.from != ids[i] && std::ranges::count(images[i].tags, held.tag) > 0)
                    same->taken.push_back(held);
        }
        return out;
    }
    Error undo(Error error) {
        auto dropped = store_.drop_layers(made_);
        return dropped ? error : std::move(error).with_cleanup(dropped.error());
    }

private:
    std::vector<Loaded::Taken> holders_of(const std::vector<IncomingImage>& images) {
        std::vector<Loaded::Taken> holders;
        for (const IncomingImage& image : images)
            for (const std::string& tag : image.tags)
                if (auto held = store_.find(tag)) holders.push_back({tag, held->id});
        return holders;
    }

    Result<> take_layers(const IncomingImage& image) {
        if (image.layers.size() != image.diff_ids.size())
            return fail(Code::corrupt, "an image has " + std::to_string(image.layers.size()) +
                                           " layers, its configuration names " +
                                           std::to_string(image.diff_ids.size()));
        for (std::size_t i = 0; i < image.layers.size(); ++i) {
            bool here = TRY(store_.find_layer(image.diff_ids[i])).has_value();
            if (!here) TRY(take_layer(image.layers[i], image.diff_ids[i]));
            tell({here ? Progress::Kind::present : Progress::Kind::finished,
                  image.diff_ids[i].short_hex()});
        }
        return {};
    }
    void tell(const Progress& progress) {
        if (progress_) progress_(progress);
    }

    Result<> take_layer(const IncomingLayer& source, const oci::Digest& diff_id) {
        // The store proves the diff id; what is called otherwise is hashed as it comes.
        bool other_name = source.digest && *source.digest != diff_id;
        std::shared_ptr<Hashed> hashed;
        auto open = [&]() -> Result<Store::Read> {
            std::shared_ptr<store::ByteSource> bytes = TRY(source.open());
            if (other_name) bytes = hashed = std::make_shared<Hashed>(std::move(bytes));
            tell({Progress::Kind::begun, diff_id.short_hex(), 0, source.size});
            return [this, bytes, diff_id](std::span<std::uint8_t> out) -> Result<std::size_t> {
                std::size_t n = TRY(bytes->read(out));
                tell({Progress::Kind::moved, diff_id.short_hex(), static_cast<std::int64_t>(n)});
                return n;
            };
        };
        auto layer = store_.import_stream(open, diff_id, source.name, store::Formats::of_archives);
        if (layer) made_.push_back(layer->number);
        // Damaged content is the consequence where the blob is not the one that it is called.
        bool suspect = layer || layer.error().code() == Code::corrupt;
        if (suspect && hashed) {
            oci::Digest digest = TRY(hashed->finish());
            if (digest != *source.digest)
                return fail(Code::corrupt, source.name + " has the digest " + digest.str());
        }
        if (layer) return {};
        bool is_named = layer.error().text().find(source.name) != std::string::npos;
        return fail(is_named ? std::move(layer).error()
                             : std::move(layer).error().with_context(source.name));
    }

    // Under each repository's name that the image has here, so that it is found by its digest.
    Result<> record(const oci::Digest& id, const IncomingImage& image) {
        if (image.manifest_json.empty()) return {};
        std::set<std::string> repositories;
        for (const std::string& tag : image.tags)
            repositories.insert(TRY(oci::Reference::parse(tag)).name());
        if (repositories.empty()) repositories.insert("");
        for (const std::string& repository : repositories)
            TRY(store_.record_manifest(id,
                                       {repository, oci::Digest::of(image.manifest_json),
                                        image.media_type, image.manifest_json},
                                       {}));
        return {};
    }

    Store& store_;
    const ProgressSink& progress_;
    std::vector<std::int64_t> made_;
};

}  // namespace

Result<IncomingImage> incoming(std::string config_json) {
    IncomingImage out;
    auto config = TRY(oci::parse_image_config(config_json));
    if (config.platform.os != "linux")
        return fail(Code::unsupported, "the image is for " + config.platform.os);
    out.diff_ids = std::move(config.diff_ids);
    out.config_json = std::move(config_json);
    return out;
}

void forget_made_manifest(IncomingImage& image) {
    for (std::size_t i = 0; i < std::min(image.layers.size(), image.diff_ids.size()); ++i)
        if (image.layers[i].digest && *image.layers[i].digest != image.diff_ids[i]) return;
    image.media_type.clear();
    image.manifest_json.clear();
}

Result<IncomingLayer> layer_of_file(std::shared_ptr<const Files> files, std::string path,
                                    std::optional<oci::Digest> digest, std::int64_t size) {
    if (!files->has(path))
        return fail(Code::corrupt, files->name() + " has no file '" + path + "'");
    IncomingLayer out;
    out.name = digest ? "blob " + digest->str() + " of " + files->name()
                      : "layer '" + path + "' of " + files->name();
    out.digest = digest;
    out.size = TRY(files->open(path)).size;
    out.open = [files, path, digest, size,
                name = out.name]() -> Result<std::unique_ptr<store::ByteSource>> {
        Files::Opened file = TRY(files->open(path));
        if (digest && file.size != size)
            return fail(Code::corrupt, name + " has " + std::to_string(file.size) + " bytes, not " +
                                           std::to_string(size));
        return std::move(file.bytes);
    };
    return out;
}

Result<std::vector<Loaded>> take_in(Store& store, std::vector<IncomingImage> images,
                                    const ProgressSink& progress) {
    Intake intake(store, progress);
    auto loaded = intake.run(images);
    if (!loaded) return fail(intake.undo(std::move(loaded).error()));
    return loaded;
}

}  // namespace crank::exchange
