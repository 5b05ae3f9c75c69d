// Small helpers for text that several rooms need.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crank {

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);                  // ASCII white space on both ends
std::string to_lower(std::string_view text);                   // ASCII
std::optional<std::int64_t> parse_int(std::string_view text);  // decimal, whole text

// How many bytes the two begin with that are the same.
std::size_t common_prefix(std::string_view a, std::string_view b);

std::string to_hex(std::span<const std::uint8_t> bytes);
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

// The candidate nearest to `word` by edit distance, if it is near enough to be what was meant
// (at most a third of the word's length, at least 1, insertions, deletions, swaps).
std::optional<std::string> did_you_mean(std::string_view word,
                                        std::span<const std::string_view> candidates);

// Quotes a word for a POSIX shell where it needs it, for messages that show commands.
std::string shell_quote(std::string_view word);

}  // namespace crank
