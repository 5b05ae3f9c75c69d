// `crank compose`: docker compose's words, for hands that know them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::cli {

// Where the command stands behind flags of the project: "compose -f FILE up" 3; the number of words
// where there is none. Errors: usage (a flag that docker compose does not have there, or crank not
// at all).
Result<std::size_t> compose_command_at(std::span<const std::string_view> words);

// "compose -f FILE up -d" as "compose up -f FILE -d"; anything else as it is. Errors: as above.
Result<std::vector<std::string_view>> compose_words(std::span<const std::string_view> words);

// The help of `crank compose` where these words ask for it, or `asked` does.
std::optional<std::string> compose_help(std::span<const std::string_view> words, bool asked);

// What to type for a word of docker compose's that crank does not have: "crank status" for ps.
std::optional<std::string> instead_of_compose(std::string_view word);

}  // namespace crank::cli
