#include "transfer/search.h"

#include <optional>

#include "base/text.h"
#include "transfer/session.h"

namespace crank::transfer {
namespace {

constexpr std::size_t kMaxData = std::size_t{64} << 20;

Result<std::vector<std::string_view>> pages_of(const Fields& answer, std::string_view data) {
    std::vector<std::string_view> pages;
    for (const std::string& size : split(TRY(field(answer, "pages")), ',')) {
        auto bytes = parse_int(size);
        if (!bytes || *bytes < 0 || static_cast<std::size_t>(*bytes) > data.size())
            return fail(Code::internal, "crank-net's answer has no page of " + size + " bytes");
        pages.push_back(data.substr(0, static_cast<std::size_t>(*bytes)));
        data.remove_prefix(pages.back().size());
    }
    return pages;
}

Result<std::vector<registry::Found>> ask(Channel& channel, const std::string& domain,
                                         const SearchRequest& request) {
    std::string data;
    Fields answer = TRY(channel.ask({{"op", "search"},
                                     {"domain", domain},
                                     {"term", request.term},
                                     {"limit", std::to_string(request.limit)}},
                                    &data, kMaxData));
    std::vector<std::string_view> pages = TRY(pages_of(answer, data));
    if (TRY(field(answer, "kind")) == "search") {
        auto found = TRY_IN(registry::parse_search(pages.empty() ? "" : pages[0]), domain);
        if (found.size() > request.limit) found.resize(request.limit);
        return found;
    }
    std::vector<std::string> names;
    for (std::string_view page : pages)
        for (std::string& name : TRY_IN(registry::parse_catalog(page), domain))
            names.push_back(std::move(name));
    return registry::matching(names, request.term, request.limit);
}

}  // namespace

Result<std::vector<SearchResult>> search(const Connection& connection,
                                         const SearchRequest& request) {
    auto progress = connection.progress;
    auto note = [progress](const std::string& text) { progress({Progress::Kind::note, text}); };
    SessionOptions options{connection.program, connection.tls_verify, 1, note};
    options.cancel_fd = connection.cancel_fd;
    Session session = TRY(Session::start(options));
    std::vector<std::string> domains = {request.registry};
    if (request.registry.empty())
        domains =
            split(TRY(field(TRY(session.first().ask({{"op", "registries"}})), "domains")), ' ');
    std::vector<SearchResult> results;
    std::optional<Error> first;
    std::size_t failed = 0;
    for (const std::string& domain : domains) {
        auto found = ask(session.first(), domain, request);
        if (!found) {
            ++failed;
            if (domains.size() > 1) note(domain + ": " + found.error().text());
            if (!first) first = std::move(found).error();
            continue;
        }
        for (registry::Found& one : *found) results.push_back({domain, std::move(one)});
    }
    if (first && failed == domains.size()) return fail(std::move(*first));
    return results;
}

}  // namespace crank::transfer
