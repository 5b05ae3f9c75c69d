// Image references as Docker's command line writes them (distribution/reference grammar).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/digest.h"

namespace crank::oci {

// "python:3.11-slim" is docker.io/library/python with tag 3.11-slim; "localhost/crank/python" has
// the domain localhost. Without tag and digest the tag is "latest".
struct Reference {
    std::string domain;      // "docker.io", "localhost", "ghcr.io", "127.0.0.1:5000"
    std::string repository;  // "library/python", "crank/python"
    std::string tag;         // empty where only a digest is given
    std::optional<Digest> digest;

    // Errors: invalid_argument, naming the text and the rule it breaks (upper case in a repository,
    // a tag over 128 characters, ...).
    static Result<Reference> parse(std::string_view text);

    std::string name() const;           // "docker.io/library/python"
    std::string str() const;            // full: "docker.io/library/python:3.11-slim"
    std::string familiar() const;       // as a person writes it: "python:3.11-slim"
    std::string familiar_name() const;  // without tag: "python"
    bool operator==(const Reference&) const = default;
};

// True for text that can be an image id or a prefix of one: 1 to 64 lower-case hex digits, or
// "sha256:" and those.
bool looks_like_id(std::string_view text);

}  // namespace crank::oci
