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
    // The leftmost match at or after `from`, the longest of those.
    std::optional<Span> find(std::string_view text, std::size_t from) const;

    // Steps that one match of `text` may take.
    std::size_t cost(std::string_view text) const;

private:
    struct Token {
        enum class Kind : unsigned char { literal, any, star };
        Kind kind = Kind::literal;
        char32_t character = 0;
    };
    // Lengths in characters -> `ends` in bytes are found by walking `runes`.
    static std::optional<std::size_t> match(const std::vector<Token>& tokens,
                                            const std::vector<char32_t>& runes, Length length);

    std::vector<Token> tokens_;
};

}  // namespace crank::dockerfile
