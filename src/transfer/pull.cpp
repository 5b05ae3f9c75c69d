#include "transfer/pull.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <set>

#include "base/crash_point.h"
#include "base/text.h"
#include "registry/document.h"
#include "store/byte_source.h"
#include "transfer/chunked.h"
#include "transfer/manifest.h"
#include "transfer/workers.h"

namespace crank::transfer {

namespace {

// A blob's bytes as they come over a channel.
class Download {
public:
    Download(Channel& channel, std::string name, const ProgressSink& progress,
             const std::atomic<bool>& stopped)
        : channel_(channel), name_(std::move(name)), progress_(progress), stopped_(stopped) {}

    Result<std::size_t> read(std::span<std::uint8_t> out) {
        if (stopped_) return fail(Code::cancelled, "another layer has failed");
        if (rest_.empty() && !ended_) {
            rest_ = TRY(channel_.next());
            ended_ = rest_.empty();
            if (std::int64_t moved = channel_.take_moved(); moved > 0)
                progress_({Progress::Kind::moved, name_, moved});
        }
        std::size_t n = std::min(out.size(), rest_.size());
        if (n > 0) std::memcpy(out.data(), rest_.data(), n);
        rest_ = rest_.subspan(n);
        return n;
    }

private:
    Channel& channel_;
    std::string name_;
    const ProgressSink& progress_;
    const std::atomic<bool>& stopped_;
    Bytes rest_;
    bool ended_ = false;
};

class Puller {
public:
    Puller(store::Store& store, Session& session, ProgressSink progress)
        : store_(store), session_(session), progress_(std::move(progress)) {}

    Result<Pulled> run(const std::string& typed, const std::string& platform) {
        auto reference = TRY(oci::Reference::parse(typed));
        image_ = TRY(resolve(session_.first(), typed, platform));
        repository_ = reference.name();
        Pulled out{image_.id, image_.digest, reference.digest ? "" : reference.str(), false};
        std::string name = reference.digest ? image_.id.str() : reference.str();
        auto before = store_.find(name);
        out.up_to_date = before && before->id == image_.id;
        auto fetched = fetch_layers();
        if (fetched) fetched = commit(out, reference);
        if (fetched) return out;
        Error error = std::move(fetched).error();
        if (auto dropped = store_.drop_layers(made_); !dropped)
            error = std::move(error).with_cleanup(dropped.error());
        return fail(std::move(error));
    }

private:
    Result<> fetch_layers() {
        std::vector<std::size_t> missing;
        std::set<oci::Digest> seen;
        for (std::size_t i = 0; i < image_.config.diff_ids.size(); ++i) {
            const oci::Digest& diff_id = image_.config.diff_ids[i];
            if (!seen.insert(diff_id).second) continue;
            if (TRY(store_.find_layer(diff_id)))
                progress_({Progress::Kind::present, name_of(i)});
            else
                missing.push_back(i);
        }
        return work_off(session_, missing.size(), [&](Channel& channel, std::size_t i) {
            return fetch_layer(channel, missing[i]);
        });
    }

    Result<> fetch_layer(Channel& channel, std::size_t i) {
        auto partly = fetch_partly(channel, i);
        if (partly && *partly) return {};
        if (!partly) {
            if (partly.error().code() == Code::cancelled) return fail(std::move(partly).error());
            progress_({Progress::Kind::note,
                       name_of(i) + ": fetched as a whole, since " + partly.error().text()});
        }
        return fetch_whole(channel, i);
    }

    // From its files that are here and parts of its blob. false: that is not possible, or no gain.
    Result<bool> fetch_partly(Channel& channel, std::size_t i) {
        auto layer = TRY(ChunkedLayer::plan(channel, image_.place, image_.manifest.layers[i],
                                            store_, repository_));
        if (!layer) return false;
        progress_({Progress::Kind::begun, name_of(i), 0, layer->bytes()});
        auto moved = [this, i](std::int64_t bytes) -> Result<> {
            if (failed_) return fail(Code::cancelled, "another layer has failed");
            progress_({Progress::Kind::moved, name_of(i), bytes});
            return {};
        };
        auto made = TRY(store_.import_stream(
            [&] { return layer->stream(channel, moved); }, image_.config.diff_ids[i],
            "blob " + image_.manifest.layers[i].digest.str(), store::Formats::of_images));
        finished(i, made.number);
        return true;
    }

    void finished(std::size_t i, std::int64_t number) {
        std::lock_guard lock(mutex_);
        made_.push_back(number);
        progress_({Progress::Kind::finished, name_of(i)});
    }

    Result<> fetch_whole(Channel& channel, std::size_t i) {
        const oci::Descriptor& blob = image_.manifest.layers[i];
        Fields request = image_.place;
        request.insert({{"op", "blob"},
                        {"digest", blob.digest.str()},
                        {"size", std::to_string(blob.size)},
                        {"unzipped", "true"}});
        auto open = [&]() -> Result<store::Store::Read> {
            progress_({Progress::Kind::begun, name_of(i), 0, blob.size});
            TRY(channel.begin(request));
            auto download = std::make_shared<Download>(channel, name_of(i), progress_, failed_);
            return [download](std::span<std::uint8_t> out) { return download->read(out); };
        };
        auto layer = store_.import_stream(open, image_.config.diff_ids[i],
                                          "blob " + blob.digest.str(), store::Formats::of_images);
        // What the reader did not want to see, crank-net has verified all the same.
        if (!layer) {
            failed_ = true;
            return fail(explain(channel, std::move(layer).error()));
        }
        TRY(channel.complete());
        {
            std::lock_guard lock(mutex_);
            proven_.insert(blob.digest);
        }
        finished(i, layer->number);
        return {};
    }

    // Damaged content is the consequence where the blob is not the one that was asked for:
    // crank-net knows at its end.
    static Error explain(Channel& channel, Error error) {
        if (error.code() != Code::corrupt) return error;
        auto rest = channel.complete();
        return rest ? error : std::move(rest).error();
    }

    // The image, its tag and where it came from, at once: an image that does not know its registry
    // could not be repaired from there.
    Result<> commit(const Pulled& out, const oci::Reference& reference) {
        crash_point("transfer.pull.before_image");
        store::Store::NewImage image{image_.config_json, {}};
        if (!out.reference.empty()) image.tags.push_back(out.reference);
        image.manifests.push_back(
            {reference.name(), image_.digest, image_.media_type, image_.manifest_json});
        // Under the image's own digest too, where an index led to it.
        if (image_.digest != image_.manifest_digest) {
            image.manifests.push_back(image.manifests.front());
            image.manifests.back().digest = image_.manifest_digest;
        }
        for (std::size_t i = 0; i < image_.config.diff_ids.size(); ++i) {
            const oci::Descriptor& blob = image_.manifest.layers[i];
            // That this blob holds the layer is otherwise no more than what the manifest says, and
            // another image would be pushed with it.
            if (TRY(is_proven(blob.digest, image_.config.diff_ids[i])))
                image.blobs.push_back(
                    {blob.digest, image_.config.diff_ids[i], blob.size, blob.media_type});
        }
        TRY(store_.add_images({std::move(image)}));
        return {};
    }

    Result<bool> is_proven(const oci::Digest& blob, const oci::Digest& diff_id) {
        if (blob == diff_id || proven_.contains(blob)) return true;
        auto known = TRY(store_.blobs_of(diff_id));
        return std::ranges::find(known, blob, &store::Store::Blob::digest) != known.end();
    }

    std::string name_of(std::size_t i) const {
        return image_.manifest.layers[i].digest.short_hex();
    }

    store::Store& store_;
    Session& session_;
    ProgressSink progress_;
    RemoteImage image_;
    std::atomic<bool> failed_ = false;
    std::mutex mutex_;
    std::vector<std::int64_t> made_;
    std::set<oci::Digest> proven_;  // blobs that came as a whole
    std::string repository_;
};

}  // namespace

ProgressSink one_at_a_time(const ProgressSink& sink) {
    auto mutex = std::make_shared<std::mutex>();
    return [mutex, sink](const Progress& progress) {
        std::lock_guard lock(*mutex);
        if (sink) sink(progress);
    };
}

Result<Pulled> pull(store::Store& store, const Connection& connection, const std::string& typed,
                    const std::string& platform) {
    ProgressSink progress = one_at_a_time(connection.progress);
    SessionOptions options{
        connection.program, connection.tls_verify, 4,
        [progress](const std::string& text) { progress({Progress::Kind::note, text}); }};
    options.cancel_fd = connection.cancel_fd;
    Session session = TRY(Session::start(options));
    return Puller(store, session, progress).run(typed, platform);
}

}  // namespace crank::transfer
