// What images a registry has: Docker's first API, and where there is none its catalogue.
#include "base/text.h"
#include "net/service.h"
#include "registry/challenge.h"
#include "registry/document.h"
#include "registry/referrers.h"

namespace crank::net {
namespace {

using registry::field;
using registry::Fields;

constexpr int kMaxPages = 64;
constexpr std::string_view kHub = "docker.io", kHubSearch = "https://index.docker.io";

}  // namespace

// Nothing: this registry has no such list.
Result<std::optional<std::string>> Service::searched(const Target& target, const std::string& term,
                                                     const std::string& limit) {
    Target place = target;
    if (target.endpoint.domain == kHub)
        place.base = TRY(registry::Url::parse(std::string(kHubSearch)));
    HttpRequest request;
    request.url = place.base;
    request.url.target =
        "/v1/search?q=" + registry::percent_encode(term) + "&n=" + registry::percent_encode(limit);
    request.headers = {"Accept: application/json"};
    request.max_body = registry::kMaxDocument;
    request.deadline = std::chrono::seconds(60);
    HttpResponse response = TRY(client_.request(place, request));
    bool json = response.ok() && trim(response.body).starts_with('{');
    if (json) return std::optional(std::move(response.body));
    // Registries that know no such thing answer with 404, a page of theirs, or 401 to all they know
    // not.
    bool own = target.endpoint.domain == kHub;
    if (own) return fail(status_error(place, response, "the search for " + term));
    return std::optional<std::string>();
}

Result<std::vector<std::string>> Service::catalogue(const Target& target) {
    Target place = target;
    place.also = "registry:catalog:*";
    HttpRequest request;
    request.url = place.base;
    request.url.target = "/v2/_catalog?n=1000";
    request.max_body = registry::kMaxDocument;
    request.deadline = std::chrono::seconds(60);
    std::string what = "a list of its images";
    std::vector<std::string> pages;
    while (true) {
        HttpResponse response = TRY_IN(client_.request(place, request), what);
        if (!response.ok()) return fail(status_error(place, response, what));
        pages.push_back(std::move(response.body));
        std::string next = registry::next_page(response.header("link"));
        if (next.empty()) return pages;
        if (pages.size() == kMaxPages)
            return fail(Code::corrupt,
                        what + " has more than " + std::to_string(kMaxPages) + " pages of 1000");
        request.url = TRY_IN(request.url.resolve(next), what);
        if (!request.url.same_origin(place.base))
            return fail(Code::permission_denied,
                        what + " goes on at another host, " + request.url.origin());
    }
}

Result<Fields> Service::search(const Fields& request) {
    std::string term = TRY(field(request, "term")), limit = TRY(field(request, "limit"));
    std::string domain = TRY(field(request, "domain"));
    // It becomes a part of URLs; and a registry may be blocked, or elsewhere.
    auto reference = TRY(oci::Reference::parse(domain + "/crank/search"));
    registry::Endpoint endpoint = TRY(context_.settings().conf.endpoints(reference)).back();
    endpoint.repository.clear();
    Target target = TRY(client_.open(endpoint, "pull"));
    auto found = TRY(searched(target, term, limit));
    std::vector<std::string> pages;
    if (found)
        pages.push_back(std::move(*found));
    else
        pages = TRY(catalogue(target));
    std::vector<std::string> sizes;
    for (const std::string& page : pages) {
        TRY(lane_.send(registry::FrameKind::data, page));
        sizes.push_back(std::to_string(page.size()));
    }
    return Fields{{"kind", found ? "search" : "catalog"}, {"pages", join(sizes, ",")}};
}

// Whom a search without a registry asks.
Result<Fields> Service::registries(const Fields&) {
    auto reference = TRY(oci::Reference::parse("crank-search"));
    std::vector<std::string> domains;
    for (const oci::Reference& candidate :
         context_.settings().conf.candidates("crank-search", reference))
        domains.push_back(candidate.domain);
    return Fields{{"domains", join(domains, " ")}};
}

}  // namespace crank::net
