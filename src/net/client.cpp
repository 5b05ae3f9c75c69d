#include "net/client.h"

#include <cstdlib>
#include <thread>

#include "base/text.h"
#include "net/conf.h"
#include "oci/json_reader.h"
#include "registry/retry.h"
#include "sys/system.h"

namespace crank::net {

namespace {

constexpr int kMaxRedirects = 5;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// The registry's own words (distribution-spec, "Error codes"), fit for a terminal.
std::string message_of(const std::string& body) {
    auto json = oci::parse_json(body, Code::corrupt);
    if (!json || !json->is_object() || !json->contains("errors")) return "";
    const auto& errors = (*json)["errors"];
    if (!errors.is_array() || errors.empty() || !errors[0].is_object()) return "";
    auto text = [&](const char* name) -> std::string {
        auto at = errors[0].find(name);
        return at != errors[0].end() && at->is_string() ? at->get<std::string>() : "";
    };
    std::string out;
    for (char c : (text("message").empty() ? text("code") : text("message")).substr(0, 200))
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    return out.empty() ? out : ": " + out;
}

}  // namespace

Result<Settings> Settings::of_environment(bool tls_verify) {
    Settings out;
    out.tls_verify = tls_verify;
    out.conf = TRY(read_registries_conf());
    if (auto base = parse_int(environment("CRANK_NET_RETRY_MS")); base && *base >= 0)
        out.retry_base = std::chrono::milliseconds(std::min<std::int64_t>(*base, 16000));
    return out;
}

Error status_error(const Target& target, const HttpResponse& response, const std::string& what) {
    std::string said = message_of(response.body), host = target.base.origin();
    std::string number = std::to_string(response.status);
    switch (response.status) {
        case 401:
            return Error(Code::permission_denied, host + " wants a login for " + what + said)
                .with_hint("crank login " + target.endpoint.domain);
        case 403: return Error(Code::permission_denied, host + " denies " + what + said);
        case 404: return Error(Code::not_found, host + " has no " + what);
        case 429:
            return Error(Code::exhausted, host + " has had too many requests (429)" + said)
                .with_hint("crank login " + target.endpoint.domain + ", or try again later");
        default:
            return Error(Code::failed_precondition,
                         host + " answers " + number + " to " + what + said);
    }
}

registry::Url Target::url(const std::string& path) const {
    registry::Url url = base;
    url.target = "/v2/" + endpoint.repository + path;
    return url;
}

std::string Target::scope() const {
    if (endpoint.repository.empty()) return also;
    std::string own = "repository:" + endpoint.repository + ":" + actions;
    return also.empty() ? own : own + " " + also;
}

void Context::set_credential(const std::string& domain, const std::string& user,
                             std::string secret) {
    std::lock_guard lock(mutex_);
    given_.insert_or_assign(domain, Given{user, std::move(secret)});
}

// Plain http only where it was asked for, or to this machine itself where nobody speaks TLS.
Result<Target> Client::locate(const registry::Endpoint& endpoint) {
    Target target;
    target.endpoint = endpoint;
    target.insecure = endpoint.insecure || !context_.settings().tls_verify;
    target.trust = TRY(context_.keeper().trust(endpoint.domain));
    target.trust.verify = !target.insecure;
    std::string host = registry::api_host(endpoint.domain);
    target.base = TRY(registry::Url::parse("https://" + host));
    if (!target.insecure && !registry::is_loopback(host)) return target;
    HttpRequest probe;
    probe.url = target.base;
    probe.url.target = "/v2/";
    probe.trust = &target.trust;
    auto secure = http_.send(probe);
    if (secure) return target;
    Code code = secure.error().code();
    bool silent = code == Code::failed_precondition || may_pass(secure.error());
    if (code != Code::unsupported && !(target.insecure && silent))
        return fail(std::move(secure).error());
    probe.url = target.base = TRY(registry::Url::parse("http://" + host));
    probe.url.target = "/v2/";
    auto plain = http_.send(probe);
    if (!plain && !may_pass(plain.error())) return fail(std::move(secure).error());
    return target;
}

Result<Target> Client::open(const registry::Endpoint& endpoint, const std::string& actions) {
    Target target;
    {
        std::lock_guard lock(context_.mutex_);
        auto known = context_.hosts_.find(endpoint.domain);
        if (known == context_.hosts_.end())
            known = context_.hosts_.emplace(endpoint.domain, TRY(locate(endpoint))).first;
        target = known->second;
    }
    target.endpoint = endpoint;
    target.actions = actions;
    return target;
}

Result<Client::Answer> Client::follow(const Target& target, HttpRequest request) {
    Answer answer;
    TlsTrust elsewhere;
    for (int hops = 0;; ++hops) {
        answer.response = TRY(http_.send(request));
        long status = answer.response.status;
        bool redirect =
            status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        if (!redirect || (request.method != "GET" && request.method != "HEAD")) return answer;
        if (hops == kMaxRedirects)
            return fail(Code::corrupt, target.base.origin() + " redirects in a circle");
        auto next = TRY_IN(request.url.resolve(answer.response.header("location")),
                           target.base.origin() + " redirects to nowhere");
        if (request.url.secure && !next.secure)
            return fail(Code::permission_denied,
                        request.url.origin() + " redirects to plain http: " + next.origin());
        if (!next.same_origin(target.base)) {
            // Another host gets neither the credentials nor the client certificate.
            answer.own_origin = false;
            request.authorization.clear();
            elsewhere =
                TRY(context_.keeper().trust(next.origin().substr(next.origin().find("//") + 2)));
            elsewhere.verify = context_.settings().tls_verify;
            request.trust = &elsewhere;
        }
        request.url = next;
    }
}

Result<HttpResponse> Client::once(const Target& target, HttpRequest request) {
    std::string key = target.base.origin() + " " + target.scope();
    request.trust = &target.trust;
    {
        std::lock_guard lock(context_.mutex_);
        if (auto at = context_.authorizations_.find(key); at != context_.authorizations_.end())
            request.authorization = at->second;
    }
    Answer answer = TRY(follow(target, request));
    if (answer.response.status != 401 || !answer.own_origin) return std::move(answer.response);
    {
        std::lock_guard lock(context_.mutex_);
        std::string& known = context_.authorizations_[key];
        // Another thread may have got one meanwhile.
        if (known.empty() || known == request.authorization)
            known = TRY(authorize(target, answer.response));
        if (known.empty() || known == request.authorization) return std::move(answer.response);
        request.authorization = known;
    }
    if (request.upload) return std::move(answer.response);  // its body is gone
    return std::move(TRY(follow(target, std::move(request))).response);
}

Result<> Client::pause(int attempt, const std::string& why, const HttpResponse* response) {
    std::uint8_t jitter = 0;
    TRY(sys::fill_random(std::span(&jitter, 1)));
    auto wait = registry::backoff(attempt, context_.settings().retry_base, jitter);
    if (response != nullptr) {
        auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        auto asked = registry::parse_retry_after(response->header("retry-after"), now);
        if (asked && *asked > registry::kLongestWait)
            return fail(Code::exhausted,
                        why + ", and asks to wait " + std::to_string(asked->count()) + " s");
        if (asked) wait = std::max<std::chrono::milliseconds>(wait, *asked);
    }
    note_(why + "; trying again in " + std::to_string((wait.count() + 999) / 1000) + " s");
    std::this_thread::sleep_for(wait);
    return {};
}

Result<HttpResponse> Client::request(const Target& target, HttpRequest request) {
    for (int attempt = 1;; ++attempt) {
        auto answer = once(target, request);
        bool again = answer ? registry::is_transient(answer->status) : may_pass(answer.error());
        if (!again || attempt == registry::kMaxAttempts) return answer;
        std::string why = answer
                              ? target.base.origin() + " answers " + std::to_string(answer->status)
                              : answer.error().text();
        TRY(pause(attempt, why, answer ? &*answer : nullptr));
    }
}

}  // namespace crank::net
