// The patterns of ${X#p}, ${X%p} and ${X/p/r}: `*`, `?` and literal characters.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace crank::dockerfile {

// Matching simulates all ways at once, so its cost is at most text times pattern, whatever the
// pattern. `*` and `?` do not match a line feed, as in BuildKit.
class ShellPattern {
public:
    // `\*`, `\?`, `\\`, `\/` and `\}` are the characters themselves.
    // Error: invalid_argument (another escape, an escape at the end).
    static Result<ShellPattern> compile(std::string_view pattern);

    enum class Length : unsigned char { shortest, longest };

    // Bytes of the prefix, the suffix of `text` that matches; nothing where none does.
    std::optional<std::size_t> prefix(std::string_view text, Length length) const;
    std::optional<std::size_t> suffix(std::string_view text, Length length) const;

    struct Span {
        std::size_t begin = 0, end = 0;
    };
    // The leftmost match and the longest of those; where `all`, the next behind it, and so on. An
    // empty match right behind another match does not count. Adds its steps to `steps` and gives up
    // once they exceed `max_steps`.
    std::vector<Span> find(std::string_view text, bool all, std::size_t& steps,
                           std::size_t max_steps) const;

    // Steps that one match of `text` may take.
    std::size_t cost(std::string_view text) const;

private:
    struct Token {
        enum class Kind : unsigned char { literal, any, star };
        Kind kind = Kind::literal;
        char32_t character = 0;
    };
    // Lengths are in characters, like positions in find_from.
    static std::optional<std::size_t> match(const std::vector<Token>& tokens,
                                            const std::vector<char32_t>& runes, Length length);
    std::optional<Span> find_from(const std::vector<char32_t>& runes, std::size_t from,
                                  std::size_t& steps) const;

    std::vector<Token> tokens_;
};

}  // namespace crank::dockerfile
