// Blobs, whole or in parts: streamed, verified, resumed.
#include "base/text.h"
#include "net/client.h"
#include "registry/byte_ranges.h"
#include "registry/retry.h"

namespace crank::net {

namespace {

constexpr int kMaxPieces = 50;  // of one blob
// What counts as getting on: a server that gives a few bytes at a time is given up.
constexpr std::int64_t kProgress = 256 * 1024;
// Parts in one request: more make a header that servers refuse. And requests of one part each.
constexpr std::size_t kAtOnce = 100, kMaxSingle = 512;

// "bytes 100-199/200": whether it begins at `offset` of `size`.
bool is_range_from(const std::string& header, std::int64_t offset, std::int64_t size) {
    std::string begin = "bytes " + std::to_string(offset) + "-";
    return header.starts_with(begin) &&
           (header.ends_with("/" + std::to_string(size)) || header.ends_with("/*"));
}

}  // namespace

// What has come of a blob over all attempts.
class Receiver {
public:
    Receiver(const oci::Digest& digest, std::int64_t size, const Client::Sink& sink)
        : name_("blob " + digest.str()), size_(size), sink_(sink) {}
    virtual ~Receiver() = default;
    // Before each request: its headers.
    virtual std::vector<std::string> begin() = 0;
    virtual Result<> take(const HttpResponse& response, Bytes bytes) = 0;
    virtual bool is_complete() const = 0;

    const std::string& name() const { return name_; }
    std::int64_t received() const { return received_; }
    virtual std::int64_t wanted() const = 0;  // bytes, all in all

protected:
    Result<> hand_on(Bytes bytes) {
        received_ += static_cast<std::int64_t>(bytes.size());
        return sink_(bytes);
    }
    std::string name_;
    std::int64_t size_, received_ = 0;

private:
    const Client::Sink& sink_;
};

namespace {

class WholeReceiver : public Receiver {
public:
    WholeReceiver(const oci::Digest& digest, std::int64_t size, const Client::Sink& sink)
        : Receiver(digest, size, sink), digest_(digest) {}

    std::vector<std::string> begin() override {
        skip_ = -1;
        if (received() == 0) return {};
        return {"Range: bytes=" + std::to_string(received()) + "-"};
    }
    bool is_complete() const override { return received() == size_; }
    std::int64_t wanted() const override { return size_; }

    Result<> take(const HttpResponse& response, Bytes bytes) override {
        if (skip_ < 0) TRY(check_start(response));
        auto passed = std::min<std::int64_t>(skip_, static_cast<std::int64_t>(bytes.size()));
        skip_ -= passed;
        bytes = bytes.subspan(static_cast<std::size_t>(passed));
        if (bytes.empty()) return {};
        if (received() + static_cast<std::int64_t>(bytes.size()) > size_)
            return fail(Code::corrupt, name_ + " is longer than the " + std::to_string(size_) +
                                           " bytes of the manifest");
        hasher_.update(bytes);
        return hand_on(bytes);
    }
    Result<> finish() {
        oci::Digest got = hasher_.finish();
        if (got == digest_) return {};
        return fail(Code::corrupt, name_ + " arrived with the digest " + got.str());
    }

private:
    Result<> check_start(const HttpResponse& response) {
        bool partial = response.status == 206;
        if (partial && !is_range_from(response.header("content-range"), received(), size_))
            return fail(Code::corrupt,
                        "the registry sent another part of " + name_ + " than was asked for");
        skip_ = partial ? 0 : received();
        auto length = parse_int(response.header("content-length"));
        std::int64_t wanted = size_ - (partial ? received() : 0);
        if (length && *length != wanted)
            return fail(Code::corrupt, name_ + " has " + std::to_string(*length) +
                                           " bytes, not the " + std::to_string(wanted) +
                                           " of the manifest");
        return {};
    }

    const oci::Digest& digest_;
    std::int64_t skip_ = -1;
    oci::Hasher hasher_;
};

class PartsReceiver : public Receiver {
public:
    PartsReceiver(const oci::Digest& digest, std::int64_t size,
                  std::vector<registry::BlobRange> parts, const Client::Sink& sink)
        : Receiver(digest, size, sink), ranges_(std::move(parts), size) {
        for (const registry::BlobRange& part : missing()) wanted_ += part.size();
    }

    std::vector<registry::BlobRange> missing() const { return ranges_.missing(); }
    std::vector<std::string> begin() override {
        begun_ = false;
        std::string header = "Range: bytes=";
        for (const registry::BlobRange& part : missing())
            header += (header.ends_with('=') ? "" : ",") + std::to_string(part.begin) + "-" +
                      std::to_string(part.end - 1);
        return {header};
    }
    bool is_complete() const override { return ranges_.is_complete(); }
    std::int64_t wanted() const override { return wanted_; }

    Result<> take(const HttpResponse& response, Bytes bytes) override {
        if (response.status != 206)
            return fail(Code::unsupported, "the registry sends no parts of blobs");
        if (!begun_)
            TRY(ranges_.begin(response.header("content-type"), response.header("content-range")));
        begun_ = true;
        return ranges_.feed(bytes, [this](Bytes part) { return hand_on(part); });
    }

private:
    registry::ByteRanges ranges_;
    std::int64_t wanted_ = 0;
    bool begun_ = false;
};

}  // namespace

Result<> Client::blob(const Target& target, const oci::Digest& digest, std::int64_t size,
                      const Sink& sink) {
    WholeReceiver receiver(digest, size, sink);
    TRY(receive(target, digest, receiver));
    return receiver.finish();
}

Result<> Client::parts(const Target& target, const oci::Digest& digest, std::int64_t size,
                       std::vector<registry::BlobRange> parts, const Sink& sink) {
    while (!parts.empty()) {
        if (!several_ && parts.size() > kMaxSingle)
            return fail(Code::unsupported, "the registry sends no several parts at once");
        std::size_t count = several_ ? std::min(parts.size(), kAtOnce) : 1;
        auto rest = parts.begin() + static_cast<std::ptrdiff_t>(count);
        PartsReceiver receiver(digest, size, {parts.begin(), rest}, sink);
        auto received = receive(target, digest, receiver);
        // Those that stand before an object store send them one by one.
        bool refused = !received && received.error().code() == Code::unsupported && count > 1;
        if (!received && !refused) return received;
        if (refused) several_ = false;
        auto missing = receiver.missing();
        missing.insert(missing.end(), rest, parts.end());
        parts = std::move(missing);
    }
    return {};
}

Result<> Client::receive(const Target& target, const oci::Digest& digest, Receiver& receiver) {
    int failures = 0;
    for (int piece = 0; piece < kMaxPieces; ++piece) {
        HttpRequest request;
        request.url = target.url("/blobs/" + digest.str());
        request.headers = receiver.begin();
        request.sink = [&](const HttpResponse& response, Bytes bytes) {
            return receiver.take(response, bytes);
        };
        std::int64_t before = receiver.received();
        auto answer = once(target, request);
        if (answer && answer->ok() && receiver.is_complete()) return {};
        bool again = answer
                         ? answer->ok() || registry::is_transient(answer->status)
                         // the server may be coming back
                         : may_pass(answer.error()) ||
                               (before > 0 && answer.error().code() == Code::failed_precondition);
        if (!again && answer) return fail(status_error(target, *answer, receiver.name()));
        if (!again) return fail(std::move(answer).error());
        failures = receiver.received() - before >= kProgress ? 1 : failures + 1;
        std::string why = !answer ? answer.error().text()
                          : answer->ok()
                              ? receiver.name() + " broke off after " +
                                    std::to_string(receiver.received()) + " of " +
                                    std::to_string(receiver.wanted()) + " bytes"
                              : target.base.origin() + " answers " + std::to_string(answer->status);
        if (failures == registry::kMaxAttempts) return fail(Code::io, why);
        TRY(pause(failures, why, answer ? &*answer : nullptr));
    }
    return fail(Code::io, receiver.name() + " broke off too often");
}

}  // namespace crank::net
