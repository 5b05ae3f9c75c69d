#include "transfer/push.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <set>

#include "base/text.h"
#include "registry/document.h"
#include "registry/retry.h"
#include "store/encode.h"
#include "sys/file.h"
#include "sys/open_flags.h"
#include "sys/stream.h"
#include "transfer/manifest.h"
#include "transfer/workers.h"

namespace crank::transfer {

namespace {

using Kind = Progress::Kind;

constexpr int kMaxRounds = 50;  // of one blob
// What counts as getting on, after which the attempts begin anew.
constexpr std::int64_t kProgress = std::int64_t{256} << 10;

using store::Store;

class Pusher {
public:
    Pusher(Store& store, Session& session, ProgressSink progress, const PushOptions& options)
        : store_(store), session_(session), progress_(std::move(progress)), options_(options) {}

    Result<Pushed> run(const std::string& name, const oci::Reference& to) {
        image_ = TRY(store_.find(name));
        config_json_ = TRY(store_.config_json(image_.id));
        repository_ = to.name();
        place_ = TRY(session_.first().ask({{"op", "target"}, {"reference", to.str()}}));
        Pushed out;
        auto manifest = TRY(as_it_came());
        if (!manifest) {
            out.recompressed = came_from_registry_;
            manifest = TRY(encoded());
        }
        TRY(put_config());
        TRY(put_manifest(*manifest, to.tag));
        out.digest = manifest->digest;
        out.size = static_cast<std::int64_t>(manifest->json.size());
        TRY(store_.record_manifest(image_.id, *manifest, blobs_));
        return out;
    }

private:
    // The manifest that the image came with, where every blob of it is in the registry, can be
    // mounted there, or can be made again; else nothing.
    Result<std::optional<Store::Manifest>> as_it_came() {
        for (Store::Manifest& manifest : TRY(store_.manifests_of(image_.id))) {
            // An index's row holds the manifest of this platform under the index's digest.
            manifest.digest = oci::Digest::of(manifest.json);
            auto parsed = TRY(oci::parse_manifest(manifest.json));
            if (parsed.layers.size() != image_.config.diff_ids.size()) continue;
            came_from_registry_ = true;
            if (!std::ranges::all_of(parsed.layers, [this](const oci::Descriptor& layer) {
                    return is_wanted(layer.media_type);
                }))
                continue;
            std::vector<Store::Blob> blobs;
            for (std::size_t i = 0; i < parsed.layers.size(); ++i)
                blobs.push_back({parsed.layers[i].digest, image_.config.diff_ids[i],
                                 parsed.layers[i].size, parsed.layers[i].media_type});
            if (!TRY(provide(blobs, manifest.repository))) continue;
            blobs_ = TRY(proven_of(std::move(blobs)));
            manifest.repository = repository_;
            return std::optional(std::move(manifest));
        }
        return std::optional<Store::Manifest>();
    }

    // `from`: a repository that may have them too.
    Result<bool> provide(const std::vector<Store::Blob>& blobs, const std::string& from) {
        std::atomic<bool> all = true;
        std::set<oci::Digest> seen;
        std::vector<const Store::Blob*> distinct;
        for (const Store::Blob& blob : blobs)
            if (seen.insert(blob.digest).second) distinct.push_back(&blob);
        TRY(work_off(session_, distinct.size(), [&](Channel& channel, std::size_t i) -> Result<> {
            const Store::Blob& blob = *distinct[i];
            if (!all || TRY(has(channel, blob.digest, from))) return {};
            // An uncompressed layer can be written as it was; a compressed one where the frozen
            // encoder happens to give the same bytes.
            Spool spool = TRY(blob.digest == blob.diff_id
                                  ? write_plain(blob.diff_id)
                                  : encode(blob.diff_id, store::compression_of(blob.media_type)
                                                             .value_or(store::Compression::gzip)));
            if (spool.blob.digest != blob.digest) {
                all = false;
                return {};
            }
            {
                std::lock_guard lock(mutex_);
                made_.insert(blob.digest);
            }
            return upload(channel, spool);
        }));
        return all.load();
    }

    // The others may hold anything: nobody here has read them.
    Result<std::vector<Store::Blob>> proven_of(std::vector<Store::Blob> blobs) {
        std::vector<Store::Blob> out;
        for (Store::Blob& blob : blobs) {
            auto known = TRY(store_.blobs_of(blob.diff_id));
            if (made_.contains(blob.digest) ||
                std::ranges::find(known, blob.digest, &Store::Blob::digest) != known.end())
                out.push_back(std::move(blob));
        }
        return out;
    }

    // A blob of the layer that the registry has, under whatever compression.
    Result<std::optional<Store::Blob>> known(Channel& channel, const oci::Digest& diff_id) {
        for (Store::Blob& blob : TRY(store_.blobs_of(diff_id))) {
            bool here = false;
            for (const std::string& place : TRY(store_.places_of(blob.digest)))
                here = here || place.starts_with(host());
            if (!here || !is_wanted(blob.media_type) || !TRY(has(channel, blob.digest))) continue;
            blob.media_type = registry::oci_layer_type(blob.media_type);
            return std::optional(std::move(blob));
        }
        return std::optional<Store::Blob>();
    }

    Result<> provide_encoded(Channel& channel, std::size_t i) {
        const oci::Digest& diff_id = image_.config.diff_ids[i];
        if (auto blob = TRY(known(channel, diff_id))) {
            blobs_[i] = *std::move(blob);
            return {};
        }
        // The same layer may stand in an image twice: it is then found at the second time.
        Spool spool = TRY(encode(diff_id, compression()));
        blobs_[i] = spool.blob;
        if (TRY(has(channel, spool.blob.digest))) return {};
        return upload(channel, spool);
    }

    Result<std::optional<Store::Manifest>> encoded() {
        blobs_.assign(image_.config.diff_ids.size(), {});
        TRY(work_off(session_, blobs_.size(),
                     [&](Channel& channel, std::size_t i) { return provide_encoded(channel, i); }));
        Store::Manifest out;
        out.repository = repository_;
        out.media_type = oci::kMediaTypeManifest;
        out.json = oci::serialize(make_manifest(
            image_.id, static_cast<std::int64_t>(config_json_.size()), blobs_, compression()));
        out.digest = oci::Digest::of(out.json);
        return std::optional(std::move(out));
    }

    store::Compression compression() const {
        return options_.compression.value_or(store::Compression::gzip);
    }
    // A layer of this type may stay as it is.
    bool is_wanted(const std::string& media_type) const {
        return !options_.compression || store::compression_of(media_type) == options_.compression;
    }

    // A file without a name, and what is in it.
    struct Spool {
        Store::Blob blob;
        sys::UniqueFd file;
    };
    Result<sys::UniqueFd> open_spool() {
        store::Staging staging = TRY(store_.stage());
        return sys::open(staging.path() + "/blob", sys::kReadWrite | sys::kCreate | sys::kExclusive,
                         0600);
    }
    Result<Spool> encode(const oci::Digest& diff_id, store::Compression compression) {
        Spool spool{{}, TRY(open_spool())};
        store::Encoded made =
            TRY(store::encode_layer(store_, diff_id, spool.file.get(), compression));
        spool.blob = {made.digest, diff_id, made.size,
                      std::string(store::layer_media_type(compression))};
        return spool;
    }
    Result<Spool> write_plain(const oci::Digest& diff_id) {
        Spool spool{{}, TRY(open_spool())};
        TRY(store_.write_layer_tar(diff_id, spool.file.get()));
        auto range = TRY(sys::seekable_range(spool.file.get()));
        spool.blob = {diff_id, diff_id, range ? range->size : 0, std::string(oci::kMediaTypeLayer)};
        return spool;
    }

    std::string host() const { return repository_.substr(0, repository_.find('/') + 1); }

    // In the repository, or mounted into it from another of this registry.
    Result<bool> has(Channel& channel, const oci::Digest& digest, const std::string& from = "") {
        std::vector<std::string> places = TRY(store_.places_of(digest));
        places.push_back(from);
        Fields request = place_;
        request["op"] = "has";
        request["digest"] = digest.str();
        for (const std::string& place : places)
            if (place.starts_with(host()) && place != repository_)
                request["from"] = place.substr(host().size());
        bool found = TRY(field(TRY(channel.ask(request)), "present")) != "false";
        if (found) progress_({Kind::present, digest.short_hex()});
        return found;
    }

    Result<> upload(Channel& channel, const Spool& spool) {
        auto from = [&](std::int64_t& at) {
            return [&](std::span<std::uint8_t> out) -> Result<std::size_t> {
                std::size_t n = TRY(sys::read_some_at(spool.file.get(), at, out, "a layer"));
                at += static_cast<std::int64_t>(n);
                progress_(
                    {Kind::moved, spool.blob.digest.short_hex(), static_cast<std::int64_t>(n)});
                return n;
            };
        };
        progress_({Kind::begun, spool.blob.digest.short_hex(), 0, spool.blob.size});
        std::int64_t offset = 0;
        for (int attempt = 1, round = 0;; ++attempt, ++round) {
            std::int64_t at = offset;
            auto sent = channel.send(
                put_request(spool.blob.digest, spool.blob.size, offset, attempt), from(at));
            if (sent) break;
            bool again =
                sent.error().code() == Code::io || sent.error().code() == Code::deadline_exceeded;
            if (!again || attempt == registry::kMaxAttempts || round == kMaxRounds)
                return fail(std::move(sent).error());
            std::int64_t reached = TRY(resume_at(channel, spool.blob.digest, at));
            progress_({Kind::moved, spool.blob.digest.short_hex(), reached - at});
            if (reached >= offset + kProgress) attempt = 0;
            offset = reached;
        }
        progress_({Kind::finished, spool.blob.digest.short_hex()});
        return {};
    }

    // How much of what was sent the registry has: an upload that was broken off goes on there.
    Result<std::int64_t> resume_at(Channel& channel, const oci::Digest& digest, std::int64_t sent) {
        Fields request = place_;
        request.insert({{"op", "resume"}, {"digest", digest.str()}});
        auto offset = parse_int(TRY(field(TRY(channel.ask(request)), "offset")));
        if (!offset || *offset < 0 || *offset > sent)
            return fail(Code::internal, "crank-net's answer has no offset");
        return *offset;
    }
    Fields put_request(const oci::Digest& digest, std::int64_t size, std::int64_t offset,
                       int attempt) {
        Fields request = place_;
        request.insert({{"op", "put"},
                        {"digest", digest.str()},
                        {"size", std::to_string(size)},
                        {"offset", std::to_string(offset)},
                        {"attempt", std::to_string(attempt)}});
        return request;
    }
    static auto from_text(std::string_view& text) {
        return [&text](std::span<std::uint8_t> out) -> Result<std::size_t> {
            std::size_t n = std::min(out.size(), text.size());
            if (n > 0) std::memcpy(out.data(), text.data(), n);
            text.remove_prefix(n);
            return n;
        };
    }
    Result<> put_config() {
        if (TRY(has(session_.first(), image_.id))) return {};
        std::string_view text = config_json_;
        auto size = static_cast<std::int64_t>(text.size());
        TRY(session_.first().send(put_request(image_.id, size, 0, 0), from_text(text)));
        return {};
    }
    Result<> put_manifest(const Store::Manifest& manifest, const std::string& tag) {
        Fields request = place_;
        request.insert({{"op", "manifest"}, {"tag", tag}, {"media_type", manifest.media_type}});
        std::string_view text = manifest.json;
        auto answer = TRY(session_.first().send(request, from_text(text)));
        if (TRY(field(answer, "digest")) != manifest.digest.str())
            return fail(Code::internal, "crank-net has sent another manifest");
        return {};
    }

    Store& store_;
    Session& session_;
    ProgressSink progress_;
    PushOptions options_;
    store::Image image_;
    std::string config_json_, repository_;
    Fields place_;
    std::vector<Store::Blob> blobs_;
    std::mutex mutex_;
    std::set<oci::Digest> made_;  // blobs that crank's own encoder has made; guarded by mutex_
    bool came_from_registry_ = false;
};

}  // namespace

Result<Pushed> push(Store& store, const Connection& connection, const std::string& name,
                    const oci::Reference& to, const PushOptions& push_options) {
    ProgressSink progress = one_at_a_time(connection.progress);
    SessionOptions options{connection.program, connection.tls_verify, 4,
                           [progress](const std::string& text) { progress({Kind::note, text}); }};
    options.cancel_fd = connection.cancel_fd;
    Session session = TRY(Session::start(options));
    return Pusher(store, session, progress, push_options).run(name, to);
}

}  // namespace crank::transfer
