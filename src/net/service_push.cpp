// Uploads: existence, mounting from another repository, one PUT a blob.
#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "net/service.h"
#include "registry/challenge.h"
#include "registry/document.h"
#include "registry/retry.h"

namespace crank::net {

namespace {

using registry::Fields;

std::string value(const Fields& fields, const std::string& name) {
    auto at = fields.find(name);
    return at == fields.end() ? "" : at->second;
}

// The data frames of an upload as a stream.
class Upload {
public:
    Upload(registry::Lane& lane, bool& open) : lane_(lane), open_(open) {}
    Result<std::size_t> read(std::span<std::uint8_t> out) {
        if (rest_.empty() && open_) {
            auto frame = TRY(lane_.receive());
            if (!frame) return fail(Code::not_found, "crank is gone");
            open_ = frame->kind == registry::FrameKind::data;
            if (open_) rest_ = frame->bytes;
        }
        std::size_t n = std::min(out.size(), rest_.size());
        if (n > 0) std::memcpy(out.data(), rest_.data(), n);
        rest_ = rest_.subspan(n);
        return n;
    }

private:
    registry::Lane& lane_;
    bool& open_;
    Bytes rest_;
};

}  // namespace

Result<Fields> Service::has(const Fields& request) {
    Target target = TRY(place_of(request, "pull,push"));
    std::string digest = TRY(oci::Digest::parse(value(request, "digest"))).str();
    HttpRequest head;
    head.method = "HEAD";
    head.url = target.url("/blobs/" + digest);
    HttpResponse response = TRY(client_.request(target, head));
    if (response.ok()) return Fields{{"present", "true"}};
    if (response.status != 404) return fail(status_error(target, response, "blob " + digest));
    std::string from = value(request, "from");
    if (from.empty()) return Fields{{"present", "false"}};
    TRY(oci::Reference::parse(target.endpoint.domain + "/" + from));
    target.also = "repository:" + from + ":pull";
    bool mounted = false;
    // Not a failure where it is refused: the blob is uploaded instead.
    auto location = start_upload(
        target, "?mount=" + digest + "&from=" + registry::percent_encode(from), mounted);
    if (location && !mounted) {
        HttpRequest cancel;
        cancel.method = "DELETE";
        cancel.url = *location;
        (void)client_.once(target, cancel);
    }
    return Fields{{"present", mounted ? "mounted" : "false"}};
}

// Where the upload goes on; `finished`: the blob is there already (201).
Result<registry::Url> Service::start_upload(const Target& target, const std::string& query,
                                            bool& finished) {
    HttpRequest post;
    post.method = "POST";
    post.url = target.url("/blobs/uploads/" + query);
    HttpResponse response = TRY(client_.request(target, post));
    finished = response.status == 201;
    if (finished) return post.url;
    if (response.status != 202)
        return fail(status_error(target, response, "an upload to " + target.endpoint.repository));
    auto location = TRY_IN(post.url.resolve(response.header("location")),
                           target.base.origin() + " names no place for the upload");
    // The credentials go there.
    if (!location.same_origin(target.base))
        return fail(
            Code::permission_denied,
            target.base.origin() + " wants the upload sent to another host, " + location.origin());
    return location;
}

Result<Fields> Service::put(const Fields& request) {
    Target target = TRY(place_of(request, "pull,push"));
    std::string digest = TRY(oci::Digest::parse(value(request, "digest"))).str();
    auto size = parse_int(value(request, "size"));
    if (!size || *size < 0) return fail(Code::internal, "the request has no size");
    bool finished = false;
    HttpRequest put;
    put.method = "PUT";
    put.url = TRY(start_upload(target, "", finished));
    if (finished) return Fields{};
    put.url.target += (put.url.target.find('?') == std::string::npos ? "?" : "&");
    put.url.target += "digest=" + registry::percent_encode(digest);
    put.headers = {"Content-Type: application/octet-stream"};
    Upload upload(lane_, uploading_);
    put.upload = [&](std::span<std::uint8_t> out) { return upload.read(out); };
    put.upload_size = *size;
    auto sent = client_.once(target, put);
    bool passing = sent ? registry::is_transient(sent->status) : may_pass(sent.error());
    if (passing) {
        // The bytes are gone: crank sends them once more, after the wait.
        auto attempt = parse_int(value(request, "attempt")).value_or(1);
        Error error =
            sent ? status_error(target, *sent, "blob " + digest).with_code(Code::io) : sent.error();
        if (attempt < registry::kMaxAttempts)
            TRY(client_.pause(static_cast<int>(attempt), error.text(), sent ? &*sent : nullptr));
        return fail(std::move(error));
    }
    HttpResponse response = TRY(std::move(sent));
    if (response.status != 201 && response.status != 204)
        return fail(status_error(target, response, "blob " + digest));
    return Fields{};
}

Result<Fields> Service::put_manifest(const Fields& request) {
    Target target = TRY(place_of(request, "pull,push"));
    Upload upload(lane_, uploading_);
    std::string bytes;
    std::vector<std::uint8_t> buffer(64 * 1024);
    while (std::size_t n = TRY(upload.read(buffer))) {
        bytes.append(reinterpret_cast<const char*>(buffer.data()), n);
        if (bytes.size() > registry::kMaxDocument)
            return fail(Code::internal, "the manifest is larger than 4 MiB");
    }
    std::string name = value(request, "tag"), digest = oci::Digest::of(bytes).str();
    HttpRequest put;
    put.method = "PUT";
    put.url = target.url("/manifests/" + (name.empty() ? digest : name));
    put.headers = {"Content-Type: " + value(request, "media_type")};
    put.body = std::move(bytes);
    HttpResponse response = TRY(client_.request(target, put));
    if (response.status != 201)
        return fail(status_error(target, response, "manifest of " + target.endpoint.repository));
    std::string stated = response.header("docker-content-digest");
    if (!stated.empty() && stated != digest)
        return fail(Code::corrupt, target.base.origin() + " stored the manifest with the digest " +
                                       stated + " instead of " + digest);
    return Fields{{"digest", digest}};
}

}  // namespace crank::net
