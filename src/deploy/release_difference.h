// What changed from one release to another: pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "deploy/releases.h"

namespace crank::deploy {

struct ServiceDifference {
    enum class Kind : std::uint8_t { added, removed, changed };
    std::string service;
    Kind kind = Kind::changed;
    ReleasedService before, after;  // empty where it is not there
    // Of what the file says, as differences() has them; what `before` and `after` say is not among
    // them.
    std::vector<std::string> fields;
    bool operator==(const ServiceDifference&) const = default;
};

struct ReleaseDifference {
    std::vector<ServiceDifference> services;  // in the order of their names
    // Of the rest of the file ("networks.back: added"), and of the variables that secrets and
    // configs hold.
    std::vector<std::string> project;
    bool empty() const { return services.empty() && project.empty(); }
};
ReleaseDifference difference_of(const Release& before, const Release& after);

// "web:1@1a2b3c4d5e6f": an image and the beginning of its digest.
std::string image_text(const ReleasedService& service);

// A line each: "web: image: web:1@1a2b3c4d5e6f -> web:2@2b3c4d5e6f7a".
std::vector<std::string> describe(const ReleaseDifference& difference);

// Which two are meant: those with these numbers; the first, and the one that is to be there now;
// the last one and the one before it. Errors: not_found.
Result<std::pair<Release, Release>> choose_two(const std::vector<Release>& releases,
                                               std::optional<std::int64_t> first,
                                               std::optional<std::int64_t> second);

}  // namespace crank::deploy
