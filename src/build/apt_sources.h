// Package sources of a Debian host.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crank::build {

struct AptSource {
    std::string uri, suite;  // a binary source that has the component main
    bool operator==(const AptSource&) const = default;
};

// One-line or deb822 style; what is malformed is passed over. Pure.
std::vector<AptSource> parse_apt_sources(std::string_view text);
// Those of this host, in the order in which apt reads them.
std::vector<AptSource> host_apt_sources();
// The suite with its updates and security fixes, where they are configured; empty without the
// suite itself. Pure.
std::vector<AptSource> sources_for(std::span<const AptSource> all, std::string_view suite);

}  // namespace crank::build
