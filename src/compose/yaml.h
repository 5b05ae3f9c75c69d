// Reading hostile YAML into nodes that know their lines.
#pragma once

#include <string_view>
#include <vector>

#include "compose/diagnostics.h"
#include "compose/node.h"

namespace crank::compose {

inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxDepth = 64;
// Of a file after its aliases and merge keys were followed: a few lines of aliases of aliases
// could otherwise fill any memory.
inline constexpr std::size_t kMaxNodes = 100'000;

// The documents of a file, which merge in their order: YAML 1.2's core schema, "0644" read as
// octal, merge keys, the tags !reset and !override. Errors, with the place: more than 1 MiB, a
// depth over 64, over 100000 values, text that is not UTF-8, a key twice or one that is no text,
// an alias inside what it names, tags of the document's own.
Result<std::vector<Node>> parse_yaml(std::string_view text, std::uint32_t file,
                                     const Diagnostics& diagnostics);

}  // namespace crank::compose
