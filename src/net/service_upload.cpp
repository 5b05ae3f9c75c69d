// Blobs to a registry (OCI distribution-spec 1.1, "Pushing blobs"): in one PUT; in chunks where the
// registry refuses that, or to go on where an upload was broken off.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "net/service.h"
#include "net/upload.h"
#include "registry/challenge.h"
#include "registry/retry.h"

namespace crank::net {

namespace {

using registry::field;
using registry::Fields;

// Of one chunk; where that is refused as too large, the next smaller.
constexpr std::array<std::int64_t, 3> kChunks = {10 << 20, 1 << 20, 128 << 10};

// A body of this size, or a method, that the registry or a proxy before it does not take.
bool refuses_size(long status) { return status == 405 || status == 413 || status == 501; }

// The end of "0-1234", how far the registry has got; nothing: it does not say.
std::optional<std::int64_t> stored_until(const HttpResponse& response) {
    std::string range = response.header("range");
    if (range.starts_with("bytes=")) range = range.substr(6);
    if (!range.starts_with("0-")) return std::nullopt;
    auto last = parse_int(range.substr(2));
    if (!last || *last < 0) return std::nullopt;
    // "0-0" is what registries say of nothing, too.
    return *last == 0 ? 0 : *last + 1;
}

Result<std::int64_t> number(const Fields& fields, const std::string& name) {
    auto value = parse_int(TRY(field(fields, name)));
    if (!value || *value < 0) return fail(Code::internal, "the request has no " + name);
    return *value;
}

}  // namespace

// Where the upload goes on. The credentials go there.
Result<registry::Url> Service::place_of_upload(const Target& target, const registry::Url& from,
                                               const HttpResponse& response) {
    auto location = TRY_IN(from.resolve(response.header("location")),
                           target.base.origin() + " names no place for the upload");
    if (!location.same_origin(target.base))
        return fail(
            Code::permission_denied,
            target.base.origin() + " wants the upload sent to another host, " + location.origin());
    return location;
}

Result<Service::Upload> Service::start_upload(const Target& target, const std::string& query) {
    HttpRequest post;
    post.method = "POST";
    post.url = target.url("/blobs/uploads/" + query);
    HttpResponse response = TRY(client_.request(target, post));
    Upload upload;
    upload.finished = response.status == 201;
    if (upload.finished) return upload;
    if (response.status != 202)
        return fail(status_error(target, response, "an upload to " + target.endpoint.repository));
    upload.place = TRY(place_of_upload(target, post.url, response));
    upload.least = parse_int(response.header("oci-chunk-min-length")).value_or(0);
    return upload;
}

void Service::cancel(const Target& target, const Upload& upload) {
    HttpRequest request;
    request.method = "DELETE";
    request.url = upload.place;
    (void)client_.once(target, request);
}

Result<Fields> Service::put(const Fields& request) {
    Target target = TRY(place_of(request, "pull,push"));
    std::string digest = TRY(oci::Digest::parse(TRY(field(request, "digest")))).str();
    std::int64_t size = TRY(number(request, "size")), offset = TRY(number(request, "offset"));
    if (offset == 0) {
        broken_.reset();
        Upload upload = TRY(start_upload(target, ""));
        if (upload.finished) return Fields{};
        upload.digest = digest;
        broken_ = std::move(upload);
    }
    if (!broken_ || broken_->digest != digest || offset > size)
        return fail(Code::internal, "no upload of blob " + digest + " was broken off");
    broken_->sent = offset;
    auto known = largest_.find(target.base.origin());
    bool chunks = offset > 0 || (known != largest_.end() && size > known->second);
    LaneUpload data(lane_, uploading_);
    auto sent = chunks ? send_chunks(target, data, offset, size) : send_whole(target, data, size);
    if (sent) broken_.reset();
    if (sent) return Fields{};
    if (!may_pass(sent.error())) return fail(std::move(sent).error());
    // The bytes are gone: crank sends what is missing of them, after the wait.
    std::int64_t attempt = TRY(number(request, "attempt"));
    if (attempt > 0 && attempt < registry::kMaxAttempts)
        TRY(client_.pause(static_cast<int>(attempt), sent.error().text(),
                          refusal_ ? &*refusal_ : nullptr));
    return fail(std::move(sent).error());
}

// `size` bytes of the data in one request. Errors: io and deadline_exceeded where another may help.
Result<HttpResponse> Service::send(const Target& target, HttpRequest request, LaneUpload& data,
                                   std::int64_t size) {
    request.headers.emplace_back("Content-Type: application/octet-stream");
    request.upload_size = size;
    std::int64_t left = size;
    request.upload = [&](std::span<std::uint8_t> out) -> Result<std::size_t> {
        auto want = std::min<std::int64_t>(left, static_cast<std::int64_t>(out.size()));
        std::size_t n = TRY(data.read(out.first(static_cast<std::size_t>(want))));
        left -= static_cast<std::int64_t>(n);
        broken_->sent += static_cast<std::int64_t>(n);
        return n;
    };
    refusal_.reset();
    HttpResponse response = TRY(client_.once(target, request));
    // 401: the token has run out, and the next request has another.
    if (!registry::is_transient(response.status) && response.status != 401) return response;
    refusal_ = response;
    return fail(status_error(target, response, "blob " + broken_->digest).with_code(Code::io));
}

registry::Url Service::closing_url() const {
    registry::Url url = broken_->place;
    url.target += (url.target.find('?') == std::string::npos ? "?" : "&");
    url.target += "digest=" + registry::percent_encode(broken_->digest);
    return url;
}

Result<> Service::send_whole(const Target& target, LaneUpload& data, std::int64_t size) {
    HttpRequest put;
    put.method = "PUT";
    put.url = closing_url();
    HttpResponse response = TRY(send(target, put, data, size));
    if (response.status == 201 || response.status == 204) return {};
    return refused(target, response, size);
}

// io: in smaller pieces it may be taken.
std::unexpected<Error> Service::refused(const Target& target, const HttpResponse& response,
                                        std::int64_t size) {
    Error error = status_error(target, response, "blob " + broken_->digest);
    const auto* smaller =
        std::ranges::find_if(kChunks, [size](std::int64_t chunk) { return chunk < size; });
    if (!refuses_size(response.status) || smaller == kChunks.end()) return fail(std::move(error));
    largest_[target.base.origin()] = *smaller;
    return fail(std::move(error).with_code(Code::io));
}

Result<> Service::send_chunks(const Target& target, LaneUpload& data, std::int64_t at,
                              std::int64_t size) {
    auto known = largest_.find(target.base.origin());
    std::int64_t chunk = known == largest_.end() ? kChunks.front() : known->second;
    chunk = std::max(chunk, broken_->least);
    while (at < size) {
        std::int64_t count = std::min(chunk, size - at);
        HttpRequest patch;
        patch.method = "PATCH";
        patch.url = broken_->place;
        patch.headers = {"Content-Range: " + std::to_string(at) + "-" +
                         std::to_string(at + count - 1)};
        HttpResponse response = TRY(send(target, patch, data, count));
        if (response.status != 202) return refused(target, response, count);
        broken_->place = TRY(place_of_upload(target, patch.url, response));
        at += count;
        if (auto until = stored_until(response); until && *until != at && at > 1)
            return fail(Code::io, target.base.origin() + " has stored " + std::to_string(*until) +
                                      " of " + std::to_string(at) + " bytes of blob " +
                                      broken_->digest);
    }
    HttpRequest put;
    put.method = "PUT";
    put.url = closing_url();
    HttpResponse response = TRY(client_.request(target, put));
    if (response.status == 201 || response.status == 204) return {};
    return fail(status_error(target, response, "blob " + broken_->digest));
}

Result<Fields> Service::resume(const Fields& request) {
    Fields afresh{{"offset", "0"}};
    Target target = TRY(place_of(request, "pull,push"));
    if (!broken_ || broken_->digest != TRY(field(request, "digest"))) return afresh;
    HttpRequest get;
    get.url = broken_->place;
    HttpResponse response = TRY(client_.request(target, get));
    auto until = response.ok() ? stored_until(response) : std::nullopt;
    if (!until || *until == 0) {
        cancel(target, *broken_);
        broken_.reset();
        return afresh;
    }
    if (!response.header("location").empty())
        broken_->place = TRY(place_of_upload(target, get.url, response));
    if (*until > broken_->sent)
        return fail(Code::corrupt, target.base.origin() + " claims to have " +
                                       std::to_string(*until) + " bytes of blob " +
                                       broken_->digest + ", more than were sent");
    return Fields{{"offset", std::to_string(*until)}};
}

}  // namespace crank::net
