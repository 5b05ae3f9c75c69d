// The little of Unicode that a Dockerfile's grammar needs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace crank::dockerfile {

struct Rune {
    char32_t value = 0;     // U+FFFD for a byte that is not UTF-8
    std::size_t width = 0;  // bytes; 1 for a byte that is not UTF-8
};

// The character at `position`, which must be below text.size().
Rune rune_at(std::string_view text, std::size_t position);

// As Unicode's White_Space.
bool is_space(char32_t c);
// ASCII letters; beyond ASCII everything but the blocks of punctuation, symbols and spaces. (Go's
// unicode.IsLetter has a table of 600 ranges; names beyond ASCII are rare, and text that follows a
// name without braces is what must not be swallowed.)
bool is_letter(char32_t c);
bool is_digit(char32_t c);

std::string_view trim_left_space(std::string_view text);
std::string_view trim_space(std::string_view text);

// Removes "\r" and "\n" at the end.
std::string_view strip_line_end(std::string_view line);

// ASCII white space without the line feed, between the words of an instruction.
inline constexpr std::string_view kBlanks = " \t\v\f\r";

}  // namespace crank::dockerfile
