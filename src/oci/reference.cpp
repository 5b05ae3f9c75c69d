#include "oci/reference.h"

#include <algorithm>

#include "base/text.h"

namespace crank::oci {

namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kOfficialPrefix = "library/";
constexpr std::size_t kMaxName = 255;  // distribution/reference: NameTotalLengthMax
constexpr std::size_t kMaxTag = 128;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool has_upper(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::unexpected<Error> bad(std::string_view text, const std::string& rule) {
    return fail(Code::invalid_argument,
                "invalid image reference '" + std::string(text.substr(0, 300)) + "': " + rule);
}

// host [":" port], where host is dotted components of letters, digits and inner hyphens, or an
// IPv6 address in brackets.
bool valid_domain(std::string_view domain) {
    std::size_t port = std::string_view::npos;
    if (domain.starts_with('[')) {
        std::size_t close = domain.find(']');
        if (close == std::string_view::npos || close < 3) return false;
        for (char c : domain.substr(1, close - 1))
            if (!is_lower_hex(c) && !(c >= 'A' && c <= 'F') && c != ':') return false;
        if (close + 1 < domain.size()) {
            if (domain[close + 1] != ':') return false;
            port = close + 1;
        }
    } else {
        port = domain.find(':');
        for (const std::string& part : split(domain.substr(0, port), '.')) {
            if (part.empty() || part.front() == '-' || part.back() == '-') return false;
            if (!std::ranges::all_of(part, [](char c) { return is_alnum(c) || c == '-'; }))
                return false;
        }
    }
    if (port == std::string_view::npos) return true;
    std::string_view digits = domain.substr(port + 1);
    return !digits.empty() &&
           std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
}

// Lower-case letters and digits, in runs separated by one ".", one or two "_", or any number of
// "-".
bool valid_component(std::string_view part) {
    if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back()))
        return false;
    for (std::size_t i = 0; i < part.size();) {
        if (is_lower_or_digit(part[i])) {
            ++i;
            continue;
        }
        std::size_t end = i;
        while (end < part.size() && !is_lower_or_digit(part[end])) ++end;
        std::string_view separator = part.substr(i, end - i);
        bool hyphens = separator.find_first_not_of('-') == std::string_view::npos;
        if (!hyphens && separator != "." && separator != "_" && separator != "__") return false;
        i = end;
    }
    return true;
}

bool valid_tag(std::string_view tag) {
    if (tag.empty() || tag.size() > kMaxTag || !(is_alnum(tag.front()) || tag.front() == '_'))
        return false;
    return std::ranges::all_of(
        tag, [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

// The first component is a domain where it could not be a repository of Docker Hub
// (distribution/reference, normalize.go).
bool is_domain(std::string_view first) {
    return first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
           has_upper(first);
}

Result<> check_repository(std::string_view text, std::string_view repository) {
    if (repository.empty()) return bad(text, "the repository name is empty");
    if (has_upper(repository)) return bad(text, "the repository name must be lower case");
    for (const std::string& part : split(repository, '/'))
        if (!valid_component(part))
            return bad(text, "'" + part +
                                 "' is not lower-case letters and digits separated by '.', '_', "
                                 "'__' or '-'");
    return {};
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
    if (text.empty()) return bad(text, "it is empty");
    if (text.size() == 64 && std::ranges::all_of(text, is_lower_hex))
        return bad(text, "64 hexadecimal digits name an image by id, not by name");
    Reference reference;
    std::string_view rest = text;
    if (std::size_t at = rest.find('@'); at != std::string_view::npos) {
        reference.digest = TRY_IN(Digest::parse(rest.substr(at + 1)),
                                  "invalid image reference '" + std::string(text) + "'");
        rest = rest.substr(0, at);
    }
    std::size_t slash = rest.find('/');
    if (slash != std::string_view::npos && is_domain(rest.substr(0, slash))) {
        reference.domain = rest.substr(0, slash);
        rest = rest.substr(slash + 1);
        if (!valid_domain(reference.domain))
            return bad(text, "'" + reference.domain + "' is not a host name");
        if (reference.domain == "index.docker.io") reference.domain = kDefaultDomain;
    } else {
        reference.domain = kDefaultDomain;
    }
    std::size_t colon = rest.find(':');
    if (colon != std::string_view::npos) {
        std::string_view tag = rest.substr(colon + 1);
        if (!valid_tag(tag))
            return bad(text, "the tag '" + std::string(tag.substr(0, 200)) +
                                 "' is not 1 to 128 letters, digits, '_', '.' or '-'");
        reference.tag = tag;
        rest = rest.substr(0, colon);
    } else if (!reference.digest) {
        reference.tag = "latest";
    }
    TRY(check_repository(text, rest));
    bool official = reference.domain == kDefaultDomain && rest.find('/') == std::string_view::npos;
    reference.repository = official ? std::string(kOfficialPrefix) + std::string(rest) : rest;
    if (reference.repository.size() > kMaxName)
        return bad(text, "the repository name has more than 255 characters");
    return reference;
}

namespace {

std::string with_tag(std::string name, const Reference& reference) {
    if (!reference.tag.empty()) name += ":" + reference.tag;
    if (reference.digest) name += "@" + reference.digest->str();
    return name;
}

}  // namespace

std::string Reference::name() const { return domain + "/" + repository; }
std::string Reference::str() const { return with_tag(name(), *this); }
std::string Reference::familiar() const { return with_tag(familiar_name(), *this); }

std::string Reference::familiar_name() const {
    if (domain != kDefaultDomain) return name();
    std::string_view short_name = repository;
    if (short_name.starts_with(kOfficialPrefix) &&
        short_name.find('/', kOfficialPrefix.size()) == std::string_view::npos)
        short_name.remove_prefix(kOfficialPrefix.size());
    // "docker.io/quay.io/app", shortened, would lead to another registry.
    if (std::size_t slash = short_name.find('/');
        slash != std::string_view::npos && is_domain(short_name.substr(0, slash)))
        return name();
    return std::string(short_name);
}

bool looks_like_id(std::string_view text) {
    if (text.starts_with("sha256:")) text.remove_prefix(7);
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, is_lower_hex);
}

}  // namespace crank::oci
