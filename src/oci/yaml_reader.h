// Reading hostile YAML into the same values as JSON: bounded, no exceptions. Internal to oci.
#pragma once

#include <string_view>

#include "base/error.h"
#include "oci/json_reader.h"

namespace crank::oci {

inline constexpr std::size_t kMaxYamlBytes = std::size_t{1} << 20;
// Of all documents after their aliases were followed: a few lines of aliases of aliases could
// otherwise fill any memory.
inline constexpr std::size_t kMaxYamlNodes = 100'000;

// One document of YAML 1.2's core schema (and "0644", which YAML 1.1 reads as octal, as do the
// programs that write such files); JSON is a part of it. Refuses, with `code`: more than `limit`
// bytes, a depth over 64, over 100000 values, a key twice in one object or one that is no plain
// text, tags of the document's own, a second document.
Result<Json> parse_yaml(std::string_view text, Code code, std::size_t limit = kMaxYamlBytes);

}  // namespace crank::oci
