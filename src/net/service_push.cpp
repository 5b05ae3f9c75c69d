// Pushes: what is there already, mounting from another repository, manifests.
#include "net/service.h"
#include "net/upload.h"
#include "registry/challenge.h"
#include "registry/document.h"

namespace crank::net {

namespace {

using registry::Fields;

std::string value(const Fields& fields, const std::string& name) {
    auto at = fields.find(name);
    return at == fields.end() ? "" : at->second;
}

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
    // Not a failure where it is refused: the blob is uploaded instead.
    auto upload =
        start_upload(target, "?mount=" + digest + "&from=" + registry::percent_encode(from));
    if (upload && !upload->finished) cancel(target, *upload);
    return Fields{{"present", upload && upload->finished ? "mounted" : "false"}};
}

Result<Fields> Service::put_manifest(const Fields& request) {
    Target target = TRY(place_of(request, "pull,push"));
    LaneUpload upload(lane_, uploading_);
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
