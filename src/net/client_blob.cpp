// Blobs, whole or in parts: streamed, verified, resumed.
#include "base/text.h"
#include "net/client.h"
#include "registry/retry.h"

namespace crank::net {

namespace {

constexpr int kMaxPieces = 50;  // of one blob
// What counts as getting on: a server that gives a few bytes at a time is given up.
constexpr std::int64_t kProgress = 256 * 1024;

// "bytes 100-199/200": whether it begins at `offset` of `size`.
bool is_range_from(const std::string& header, std::int64_t offset, std::int64_t size) {
    std::string begin = "bytes " + std::to_string(offset) + "-";
    return header.starts_with(begin) &&
           (header.ends_with("/" + std::to_string(size)) || header.ends_with("/*"));
}

}  // namespace

// What has come of a blob, or of a part of it, over all attempts.
class Receiver {
public:
    Receiver(const oci::Digest& digest, std::int64_t size, const Client::Sink& sink)
        : digest_(digest), size_(size), sink_(sink), part_{0, size} {}
    void take_part(const registry::BlobRange& part) {
        is_whole_ = false;
        part_ = part;
        offset_ = part.begin;
    }

    const oci::Digest& digest() const { return digest_; }
    std::int64_t size() const { return size_; }
    std::int64_t offset() const { return offset_; }
    bool is_complete() const { return offset_ == part_.end; }
    bool has_any() const { return offset_ > part_.begin; }
    std::vector<std::string> begin() {
        skip_ = -1;
        if (!is_whole_)
            return {"Range: bytes=" + std::to_string(offset_) + "-" +
                    std::to_string(part_.end - 1)};
        if (offset_ == 0) return {};
        return {"Range: bytes=" + std::to_string(offset_) + "-"};
    }

    Result<> take(const HttpResponse& response, Bytes bytes) {
        if (skip_ < 0) TRY(check_start(response));
        auto passed = std::min<std::int64_t>(skip_, static_cast<std::int64_t>(bytes.size()));
        skip_ -= passed;
        bytes = bytes.subspan(static_cast<std::size_t>(passed));
        if (bytes.empty()) return {};
        if (offset_ + static_cast<std::int64_t>(bytes.size()) > part_.end)
            return fail(Code::corrupt, "blob " + digest_.str() + " is longer than the " +
                                           std::to_string(size_) + " bytes of the manifest");
        if (is_whole_) hasher_.update(bytes);
        offset_ += static_cast<std::int64_t>(bytes.size());
        return sink_(bytes);
    }
    Result<> finish() {
        if (!is_whole_) return {};
        oci::Digest got = hasher_.finish();
        if (got == digest_) return {};
        return fail(Code::corrupt,
                    "blob " + digest_.str() + " arrived with the digest " + got.str());
    }

private:
    Result<> check_start(const HttpResponse& response) {
        bool partial = response.status == 206;
        if (!partial && !is_whole_)
            return fail(Code::unsupported, "the registry sends no parts of blobs");
        if (partial && !is_range_from(response.header("content-range"), offset_, size_))
            return fail(Code::corrupt, "the registry sent another part of blob " + digest_.str() +
                                           " than was asked for");
        skip_ = partial ? 0 : offset_;
        auto length = parse_int(response.header("content-length"));
        std::int64_t wanted = part_.end - (partial ? offset_ : 0);
        if (length && *length != wanted)
            return fail(Code::corrupt, "blob " + digest_.str() + " has " + std::to_string(*length) +
                                           " bytes, not the " + std::to_string(wanted) +
                                           " of the manifest");
        return {};
    }

    const oci::Digest& digest_;
    std::int64_t size_, offset_ = 0, skip_ = -1;
    const Client::Sink& sink_;
    registry::BlobRange part_;
    bool is_whole_ = true;
    oci::Hasher hasher_;
};

Result<> Client::blob(const Target& target, const oci::Digest& digest, std::int64_t size,
                      const Sink& sink) {
    Receiver receiver(digest, size, sink);
    return receive(target, receiver);
}

Result<> Client::parts(const Target& target, const oci::Digest& digest, std::int64_t size,
                       const std::vector<registry::BlobRange>& parts, const Sink& sink) {
    for (const registry::BlobRange& part : parts) {
        Receiver receiver(digest, size, sink);
        receiver.take_part(part);
        TRY(receive(target, receiver));
    }
    return {};
}

Result<> Client::receive(const Target& target, Receiver& receiver) {
    const std::string name = "blob " + receiver.digest().str();
    int failures = 0;
    for (int piece = 0; piece < kMaxPieces; ++piece) {
        HttpRequest request;
        request.url = target.url("/blobs/" + receiver.digest().str());
        request.headers = receiver.begin();
        request.sink = [&](const HttpResponse& response, Bytes bytes) {
            return receiver.take(response, bytes);
        };
        std::int64_t before = receiver.offset();
        bool had_any = receiver.has_any();
        auto answer = once(target, request);
        if (answer && answer->ok() && receiver.is_complete()) return receiver.finish();
        bool again = answer ? answer->ok() || registry::is_transient(answer->status)
                            // the server may be coming back
                            : may_pass(answer.error()) ||
                                  (had_any && answer.error().code() == Code::failed_precondition);
        if (!again && answer) return fail(status_error(target, *answer, name));
        if (!again) return fail(std::move(answer).error());
        failures = receiver.offset() - before >= kProgress ? 1 : failures + 1;
        std::string why = !answer ? answer.error().text()
                          : answer->ok()
                              ? name + " broke off after " + std::to_string(receiver.offset()) +
                                    " of " + std::to_string(receiver.size()) + " bytes"
                              : target.base.origin() + " answers " + std::to_string(answer->status);
        if (failures == registry::kMaxAttempts) return fail(Code::io, why);
        TRY(pause(failures, why, answer ? &*answer : nullptr));
    }
    return fail(Code::io, name + " broke off too often");
}

}  // namespace crank::net
