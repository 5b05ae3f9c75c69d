// Stored credentials: Docker's config.json and podman's containers/auth.json
// (containers-auth.json(5)), as texts.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

namespace crank::registry {

struct Credential {
    std::string user;
    Secret secret;                // a password, or
    bool identity_token = false;  // an OAuth2 refresh token
};

struct AuthFile {
    std::map<std::string, Credential> entries;
    std::string store;                           // credsStore: of every host without its own
    std::map<std::string, std::string> helpers;  // credHelpers: host -> helper
};

// At most 1 MiB. Errors: corrupt, without the content, which is secret.
Result<AuthFile> parse_auth_file(std::string_view json);

// The keys under which the credentials of a repository may stand, the most exact first:
// "host/a/b", "host/a", "host", and what Docker writes for its own registry.
std::vector<std::string> auth_keys(const std::string& domain, const std::string& repository);
// The key that `login` writes.
std::string auth_key(const std::string& domain);

// The file's text with or without one host's entry; everything else stays as it was. An empty text
// is an empty file. Errors: corrupt.
Result<std::string> with_entry(std::string_view json, const std::string& key,
                               const Credential& credential);
// Under a helper only the host is named, as Docker does.
Result<std::string> with_empty_entry(std::string_view json, const std::string& key);
struct WithoutEntry {
    std::string json;
    bool was_there = false;
};
Result<WithoutEntry> without_entry(std::string_view json, const std::string& key);

// What docker-credential-* prints for `get`. nothing: it knows none for that host.
Result<Credential> parse_helper_answer(std::string_view json);
// Errors: invalid_argument (a user name or password that is not UTF-8, which JSON cannot hold).
Result<std::string> helper_input(const std::string& key, const Credential& credential);

}  // namespace crank::registry
