// Go's path/filepath.Match, which Docker uses for the sources of COPY and ADD: `*` and `?` stop at
// '/', `[a-z]`, `[^a-z]`, backslash takes the next character as it is.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace crank::build {

// Error: invalid_argument (an unclosed class, a lone backslash at the end).
Result<> check_glob(std::string_view pattern);
// `pattern` must have passed check_glob. Both are single path components: neither holds a '/'.
// Characters are UTF-8 sequences; bytes that are no UTF-8 are characters by themselves. The cost is
// at most the product of the lengths.
bool glob_matches(std::string_view pattern, std::string_view name);
bool has_wildcard(std::string_view pattern);  // any of * ? [ and the backslash
// Without the backslashes that take the next character as it is.
std::string unescape_glob(std::string_view pattern);

}  // namespace crank::build
