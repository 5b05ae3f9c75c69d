// `crank compose`: docker compose's words, for hands that know them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::cli {

// "compose -f FILE up -d" as "compose up -f FILE -d"; anything else as it is. Errors: usage (a flag
// before the command that docker compose does not have there, or crank does not have at all).
Result<std::vector<std::string_view>> compose_words(std::span<const std::string_view> words);

// The help of `crank compose` where these words ask for it, or `asked` does.
std::optional<std::string> compose_help(std::span<const std::string_view> words, bool asked);

// What to type for a word of docker compose's that crank does not have: "crank status" for ps.
std::optional<std::string> instead_of_compose(std::string_view word);

}  // namespace crank::cli
