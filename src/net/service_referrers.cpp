// What refers to an image: the registry's list, or the tag that stands for it.
#include "base/text.h"
#include "net/service.h"
#include "registry/document.h"
#include "registry/referrers.h"

namespace crank::net {

namespace {

using registry::Fields;

constexpr int kMaxPages = 64;

}  // namespace

// The pages as data, one after the other; nothing where the registry has no such list.
Result<std::optional<std::vector<std::string>>> Service::listed_referrers(
    const Target& target, const std::string& subject) {
    HttpRequest request;
    request.url = target.url("/referrers/" + subject);
    request.headers = {"Accept: " + std::string(oci::kMediaTypeIndex)};
    request.max_body = registry::kMaxDocument;
    request.deadline = std::chrono::seconds(300);
    std::string what = "the referrers of " + subject;
    std::vector<std::string> pages;
    while (true) {
        HttpResponse response = TRY_IN(client_.request(target, request), what);
        // distribution-spec: 404 says that the API is missing. Others answer 400 or 405 to what
        // they do not know.
        bool missing = response.status == 404 || response.status == 400 || response.status == 405;
        if (missing && pages.empty()) return std::optional<std::vector<std::string>>();
        if (!response.ok()) return fail(status_error(target, response, what));
        pages.push_back(std::move(response.body));
        std::string next = registry::next_page(response.header("link"));
        if (next.empty()) return std::optional(std::move(pages));
        if (pages.size() == kMaxPages)
            return fail(Code::corrupt,
                        what + " have more than " + std::to_string(kMaxPages) + " pages");
        request.url = TRY_IN(request.url.resolve(next), what);
        if (!request.url.same_origin(target.base))
            return fail(Code::permission_denied,
                        what + " go on at another host, " + request.url.origin());
    }
}

Result<Fields> Service::referrers_at(const registry::Endpoint& endpoint,
                                     const oci::Reference& reference) {
    Target target = TRY(client_.open(endpoint, "pull"));
    std::string name = reference.digest ? reference.digest->str() : reference.tag;
    oci::Digest subject = TRY(fetch_document(target, name, nullptr)).digest;
    auto pages = TRY(listed_referrers(target, subject.str()));
    bool listed = pages.has_value();
    if (!listed) {
        pages.emplace();
        auto tagged = fetch_document(target, registry::referrers_tag(subject), nullptr);
        if (tagged)
            pages->push_back(std::move(tagged->bytes));
        else if (tagged.error().code() != Code::not_found)
            return fail(std::move(tagged).error());
    }
    std::vector<std::string> sizes;
    for (const std::string& page : *pages) {
        TRY(lane_.send(registry::FrameKind::data, page));
        sizes.push_back(std::to_string(page.size()));
    }
    return Fields{{"digest", subject.str()}, {"pages", join(sizes, ",")}};
}

Result<Fields> Service::referrers(const Fields& request) {
    auto at = request.find("reference");
    if (at == request.end()) return fail(Code::internal, "the request has no reference");
    auto reference = TRY(oci::Reference::parse(at->second));
    return first_of(at->second, reference, [&](const auto& endpoint, const auto& candidate) {
        return referrers_at(endpoint, candidate);
    });
}

}  // namespace crank::net
