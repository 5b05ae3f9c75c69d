// What decides who is given which credentials: WWW-Authenticate, token services' answers, auth.json
// and the helpers of credentials. The first byte picks the reader.
#include <string>
#include <string_view>

#include "base/base64.h"
#include "fuzz_support.h"
#include "registry/auth_file.h"
#include "registry/challenge.h"
#include "registry/url.h"

using namespace crank;
using namespace crank::registry;
using crank::fuzz::require;

namespace {

bool is_clean(std::string_view text) {
    return std::ranges::none_of(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

// Written in the plainest way, they are read the same.
void challenges(std::string_view text) {
    auto first = parse_challenges(text);
    if (!first) return;
    std::string written;
    for (const Challenge& challenge : *first) {
        require(!challenge.scheme.empty() && is_clean(challenge.scheme));
        if (!written.empty()) written += ", ";
        written += challenge.scheme + " realm=" + in_quotes(challenge.realm) +
                   ", service=" + in_quotes(challenge.service) +
                   ", scope=" + in_quotes(challenge.scope) +
                   ", error=" + in_quotes(challenge.error);
        // It becomes a part of a URL and of a message.
        for (std::string_view value :
             {challenge.realm, challenge.service, challenge.scope, challenge.error})
            require(is_clean(value) && is_clean(percent_encode(value)));
    }
    if (written.size() > 8192) return;
    auto second = parse_challenges(written);
    require(second.has_value() && *second == *first);
}

// Credentials are sent over https, or to where they were asked for.
void realm(std::string_view text) {
    auto url = Url::parse(text);
    for (const char* home : {"https://registry.example.org", "http://127.0.0.1:5000"}) {
        auto registry = Url::parse(home);
        if (url && check_realm(*registry, *url))
            require(url->secure || url->same_origin(*registry));
    }
}

void token(std::string_view text) {
    auto token = parse_token(text);
    if (!token) return;
    // It becomes a header's line.
    require(!token->text.empty() && is_clean(token->text));
    require(token->seconds >= 0 && token->seconds <= 3600);
}

bool same(const Credential& a, const Credential& b) {
    return a.user == b.user && a.secret.reveal() == b.secret.reveal() &&
           a.identity_token == b.identity_token;
}

// All of a's entries but that of `key` stand in b.
bool has_others(const std::string& key, const AuthFile& a, const AuthFile& b) {
    return std::ranges::all_of(a.entries, [&](const auto& entry) {
        auto at = b.entries.find(entry.first);
        return entry.first == key || (at != b.entries.end() && same(at->second, entry.second));
    });
}

bool same_but(const std::string& key, const AuthFile& a, const AuthFile& b) {
    return a.store == b.store && a.helpers == b.helpers && has_others(key, a, b) &&
           has_others(key, b, a);
}

// A login adds its entry and touches no other; a logout takes it away.
void auth_file(std::string_view text) {
    const std::string key = "example.org";
    Credential credential{"user", Secret("pass:word"), false};
    auto before = parse_auth_file(text);
    auto with = with_entry(text, key, credential);
    if (!before || !with) return;
    auto after = parse_auth_file(*with);
    require(after.has_value() && after->entries.contains(key));
    require(same(after->entries.at(key), credential) && same_but(key, *before, *after));
    auto without = without_entry(*with, key);
    require(without.has_value() && without->was_there);
    auto end = parse_auth_file(without->json);
    require(end.has_value() && !end->entries.contains(key) && same_but(key, *before, *end));
}

void helper(std::string_view text) {
    auto answer = parse_helper_answer(text);
    if (!answer) return;
    require(!answer->secret.reveal().empty());
    require(answer->identity_token == (answer->user == "<token>"));
}

void base64(std::string_view text) {
    std::string written = base64_encode(text);
    require(base64_decode(written) == text);
    auto plain = base64_decode(text);
    if (plain) require(base64_decode(base64_encode(*plain)) == plain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    switch (input.byte() % 8) {
        case 0: realm(input.rest()); break;
        case 1: token(input.rest()); break;
        case 2:
        case 3: auth_file(input.rest()); break;
        case 4: helper(input.rest()); break;
        case 5: base64(input.rest()); break;
        default: challenges(input.rest());
    }
    return 0;
}
