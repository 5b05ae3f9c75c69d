// A file by its URL, for ADD of a Dockerfile: no registry, no credentials.
#include "base/text.h"
#include "base/units.h"
#include "net/service.h"

namespace crank::net {

namespace {

constexpr int kMaxRedirects = 10;
constexpr int kMaxAttempts = 4;

bool is_redirect(long status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Error refusal(const registry::Url& url, long status) {
    Code code = status == 404 || status == 410   ? Code::not_found
                : status == 401 || status == 403 ? Code::permission_denied
                                                 : Code::io;
    return Error(code, url.str() + " answers with status " + std::to_string(status));
}

// What is announced to be too long is not begun; of the rest whoever asked counts the bytes.
Result<> check_length(const registry::Url& url, const HttpResponse& response, std::int64_t most) {
    auto length = parse_int(response.header("content-length"));
    if (!length || *length <= most) return {};
    return fail(Code::exhausted, url.str() + " sends " + format_size_binary(*length) +
                                     ", more than " + format_size_binary(most) +
                                     ": it is not fetched");
}

}  // namespace

// Follows redirects, never from https to http. The sink has had nothing where this fails with a
// code that another attempt may cure and `begun` is false.
Result<> Service::fetch_once(registry::Url url, std::int64_t most, bool& begun) {
    Http http;
    TlsTrust trust;
    for (int hops = 0; hops <= kMaxRedirects; ++hops) {
        HttpRequest request;
        request.url = url;
        request.trust = &trust;
        request.headers = {"Accept: */*", "User-Agent: crank"};
        request.sink = [&](const HttpResponse& response, Bytes bytes) -> Result<> {
            if (!begun) TRY(check_length(url, response, most));
            begun = true;
            return lane_.send(registry::FrameKind::data, bytes);
        };
        HttpResponse response = TRY(http.send(request));
        if (response.status == 200) return {};
        if (!is_redirect(response.status)) return fail(refusal(url, response.status));
        registry::Url next = TRY_IN(url.resolve(response.header("location")), url.str());
        if (url.secure && !next.secure)
            return fail(Code::permission_denied,
                        url.str() + " leads to " + next.str() + ", which is not encrypted");
        url = std::move(next);
    }
    return fail(Code::failed_precondition, url.str() + ": too many redirections");
}

Result<registry::Fields> Service::fetch(const registry::Fields& request) {
    registry::Url url = TRY(registry::Url::parse(TRY(registry::field(request, "url"))));
    std::int64_t most = parse_int(TRY(registry::field(request, "most"))).value_or(0);
    for (int attempt = 1;; ++attempt) {
        bool begun = false;
        auto done = fetch_once(url, most, begun);
        if (done) return registry::Fields{};
        bool again =
            may_pass(done.error()) && done.error().message().find("status 4") == std::string::npos;
        if (begun || !again || attempt == kMaxAttempts) return fail(std::move(done).error());
        TRY(client_.pause(attempt, done.error().text(), nullptr));
    }
}

}  // namespace crank::net
