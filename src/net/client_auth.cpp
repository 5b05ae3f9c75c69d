// Who asks: basic authentication and the tokens of registries.
#include <algorithm>

#include "base/base64.h"
#include "base/text.h"
#include "net/client.h"
#include "net/trust.h"
#include "registry/retry.h"

namespace crank::net {

namespace {

std::string basic(const registry::Credential& credential) {
    return "Basic " + base64_encode(credential.user + ":" + credential.secret.reveal());
}

HttpRequest token_request(const registry::Url& realm, const registry::Challenge& challenge,
                          const std::string& scope,
                          const std::optional<registry::Credential>& credential) {
    using registry::percent_encode;
    HttpRequest request;
    request.url = realm;
    request.deadline = std::chrono::seconds(60);
    request.max_body = std::size_t{1} << 20;
    if (credential && credential->identity_token) {
        request.method = "POST";
        request.headers = {"Content-Type: application/x-www-form-urlencoded"};
        request.body = "grant_type=refresh_token&client_id=crank&service=" +
                       percent_encode(challenge.service) + "&scope=" + percent_encode(scope) +
                       "&refresh_token=" + percent_encode(credential->secret.reveal());
        return request;
    }
    char separator = realm.target.find('?') == std::string::npos ? '?' : '&';
    auto add = [&](const char* name, const std::string& value) {
        if (value.empty()) return;
        request.url.target += separator + std::string(name) + "=" + percent_encode(value);
        separator = '&';
    };
    add("service", challenge.service);
    for (const std::string& one : split(scope, ' ')) add("scope", one);
    if (credential) {
        add("account", credential->user);
        request.authorization = basic(*credential);
    }
    return request;
}

}  // namespace

// With the context's mutex held.
Result<std::optional<registry::Credential>> Client::credential_for(const Target& target) {
    const std::string& domain = target.endpoint.domain;
    if (auto given = context_.given_.find(domain); given != context_.given_.end())
        return std::optional(
            registry::Credential{given->second.user, Secret(given->second.secret), false});
    return context_.keeper().credential(domain, target.endpoint.repository);
}

Result<std::string> Client::fetch_token(const Target& target, const registry::Challenge& challenge,
                                        std::optional<registry::Credential> credential) {
    auto realm = TRY_IN(registry::Url::parse(challenge.realm),
                        target.base.origin() + " names a token service");
    // Without credentials too: what a stranger hands out would be sent to the registry.
    bool plain = !realm.secure && !realm.same_origin(target.base);
    if (credential || plain)
        if (auto allowed = registry::check_realm(target.base, realm); !allowed)
            return fail(std::move(allowed).error().with_hint(
                "crank sends credentials to the registry's own organisation, encrypted"));
    bool same_host = realm.same_origin(target.base);
    std::string name = realm.origin().substr(realm.origin().find("//") + 2);
    TlsTrust trust = same_host ? target.trust : TRY(context_.keeper().trust(name));
    trust.verify = trust.verify && context_.settings().tls_verify;
    HttpRequest request = token_request(realm, challenge, target.scope(), credential);
    request.trust = &trust;
    HttpResponse response = TRY(http_.send(request));
    if (response.status == 401 || response.status == 403 || response.status == 400)
        return fail(Error(Code::permission_denied,
                          realm.origin() +
                              (credential ? " does not accept the login for "
                                          : " gives no token without a login for ") +
                              target.endpoint.domain)
                        .with_hint("crank login " + target.endpoint.domain));
    if (registry::is_transient(response.status))
        return fail(Code::io, realm.origin() + " answers " + std::to_string(response.status));
    if (!response.ok()) return fail(status_error(target, response, "the request for a token"));
    return "Bearer " + TRY(registry::parse_token(response.body)).text;
}

// With the context's mutex held. Empty: there is nothing to answer with.
Result<std::string> Client::authorize(const Target& target, const HttpResponse& refusal) {
    auto challenges = TRY(registry::parse_challenges(refusal.header("www-authenticate")));
    auto of_scheme = [&](std::string_view scheme) {
        return std::ranges::find(challenges, scheme, &registry::Challenge::scheme);
    };
    auto bearer = of_scheme("bearer"), basic_one = of_scheme("basic");
    if (bearer == challenges.end() && basic_one == challenges.end()) return std::string();
    auto credential = TRY(credential_for(target));
    if (credential && !target.base.secure && !target.insecure)
        return fail(Error(Code::permission_denied, "credentials are not sent to " +
                                                       target.base.origin() + " without encryption")
                        .with_hint("--tls-verify=false, or 'insecure = true' in registries.conf"));
    if (bearer != challenges.end()) return fetch_token(target, *bearer, std::move(credential));
    return credential ? basic(*credential) : std::string();
}

}  // namespace crank::net
