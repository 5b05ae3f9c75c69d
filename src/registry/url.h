// The URLs of registries: strict, http and https alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::registry {

// "https://host:port/path?query". No user information, no fragment, no white space or control
// characters: what a server names is parsed by us and by libcurl, and both must read the same.
struct Url {
    bool secure = true;  // https
    std::string host;    // lower case; an IPv6 address in brackets
    std::uint16_t port = 443;
    std::string target = "/";  // path and query

    // Errors: invalid_argument, naming the text.
    static Result<Url> parse(std::string_view text);
    // What `location` (a Location header) means at this URL: absolute, or a path of the same
    // origin.
    Result<Url> resolve(std::string_view location) const;
    std::string str() const;
    std::string origin() const;  // "https://host", the port where it is not the scheme's
    bool same_origin(const Url& other) const {
        return secure == other.secure && host == other.host && port == other.port;
    }
};

// Where the API of a reference's domain answers: "docker.io" is registry-1.docker.io.
std::string api_host(std::string_view domain);
// 127.0.0.0/8, ::1 and localhost, with or without a port.
bool is_loopback(std::string_view host);

// Whether the credentials of `registry` may be sent to its token service at `realm`: over https (or
// to the registry's own origin where plain http was asked for), to the same host or one of the same
// organisation (a sibling or a parent in DNS). Anything else may be somebody who collects them
// (CVE-2019-10214, CVE-2026-33540).
Result<> check_realm(const Url& registry, const Url& realm);

}  // namespace crank::registry
