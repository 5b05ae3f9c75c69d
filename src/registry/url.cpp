#include "registry/url.h"

#include <algorithm>

#include "base/text.h"

namespace crank::registry {

namespace {

constexpr std::size_t kMaxUrl = 8192;

bool is_plain(char c) {
    return c > 0x20 && c < 0x7f && c != '\\' && c != '#' && c != '"' && c != '<' && c != '>';
}
bool is_host_character(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
}

std::unexpected<Error> bad(std::string_view text, const char* why) {
    std::string shown;
    for (char c : text.substr(0, 200)) shown += is_plain(c) ? c : '?';
    return fail(Code::invalid_argument, "the URL '" + shown + "' " + why);
}

bool valid_host(std::string_view host) {
    if (host.starts_with('[')) {
        if (host.size() < 4 || !host.ends_with(']')) return false;
        return std::ranges::all_of(host.substr(1, host.size() - 2), [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
        });
    }
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, is_host_character);
}

Result<> read_authority(std::string_view text, std::string_view authority, Url& url) {
    if (authority.find('@') != std::string_view::npos) return bad(text, "holds a user name");
    std::size_t colon = authority.rfind(':');
    bool bracket =
        colon != std::string_view::npos && authority.find(']', colon) != std::string_view::npos;
    if (colon != std::string_view::npos && !bracket) {
        auto port = parse_int(authority.substr(colon + 1));
        if (!port || *port < 1 || *port > 65535) return bad(text, "has no valid port");
        url.port = static_cast<std::uint16_t>(*port);
        authority = authority.substr(0, colon);
    }
    url.host = to_lower(authority);
    if (!valid_host(url.host)) return bad(text, "has no valid host");
    return {};
}

// The labels that an organisation has registered: the last two, or three below a country's
// second-level domains ("co.uk").
std::string organisation(const std::string& host) {
    auto labels = split(host, '.');
    if (labels.size() < 2) return host;
    std::size_t count = 2;
    if (labels.back().size() == 2 && labels[labels.size() - 2].size() <= 3) count = 3;
    if (labels.size() < count) return host;
    return join(std::span(labels).last(count), ".");
}

bool is_address(const std::string& host) {
    return host.starts_with('[') ||
           std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    if (text.size() > kMaxUrl) return bad(text, "is longer than 8192 characters");
    if (!std::ranges::all_of(text, is_plain)) return bad(text, "holds a character that no URL has");
    Url url;
    std::string_view rest = text;
    if (to_lower(text.substr(0, 8)) == "https://") {
        rest.remove_prefix(8);
    } else if (to_lower(text.substr(0, 7)) == "http://") {
        rest.remove_prefix(7);
        url.secure = false;
        url.port = 80;
    } else {
        return bad(text, "is neither https nor http");
    }
    std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    TRY(read_authority(text, rest.substr(0, end), url));
    rest.remove_prefix(end);
    url.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
    return url;
}

Result<Url> Url::resolve(std::string_view location) const {
    if (location.starts_with("//"))
        return parse((secure ? "https:" : "http:") + std::string(location));
    if (!location.starts_with('/')) return parse(location);
    Url url = TRY(parse(origin() + std::string(location)));
    return url;
}

std::string Url::origin() const {
    std::string text = (secure ? "https://" : "http://") + host;
    if (port != (secure ? 443 : 80)) text += ":" + std::to_string(port);
    return text;
}

std::string Url::str() const { return origin() + target; }

std::string api_host(std::string_view domain) {
    return domain == "docker.io" ? "registry-1.docker.io" : std::string(domain);
}

bool is_loopback(std::string_view host) {
    if (host.starts_with('[')) return host.starts_with("[::1]");
    host = host.substr(0, host.find(':'));
    return host == "localhost" || (host.starts_with("127.") && is_address(std::string(host)));
}

Result<> check_realm(const Url& registry, const Url& realm) {
    if (!realm.secure && !realm.same_origin(registry))
        return fail(Code::permission_denied, "the registry " + registry.origin() +
                                                 " wants its credentials sent to " +
                                                 realm.origin() + " without encryption");
    if (realm.host == registry.host) return {};
    bool related = !is_address(realm.host) && !is_address(registry.host) &&
                   realm.host.find('.') != std::string::npos &&
                   organisation(realm.host) == organisation(registry.host);
    if (!related)
        return fail(Code::permission_denied, "the registry " + registry.origin() +
                                                 " wants its credentials sent to another host, " +
                                                 realm.origin());
    return {};
}

}  // namespace crank::registry
