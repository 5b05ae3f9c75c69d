// .dockerignore: which paths of the context the build does not see.
//
// As Docker's (moby/patternmatcher): one pattern a line; `#` in the first column begins a comment;
// `*` and `?` stop at '/', `[a-z]` is a class, `**` is any number of directories; `!` brings back;
// the last pattern that matches a path or one of its parents decides; leading and trailing '/' have
// no meaning.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace crank::dockerfile {

inline constexpr std::size_t kMaxIgnoreBytes = 1 << 20;
inline constexpr std::size_t kMaxIgnorePatterns = 10'000;

class IgnoreMatcher {
public:
    IgnoreMatcher() = default;  // excludes nothing
    // `file` is the name shown in errors. Error: invalid_argument (file, line, pattern).
    static Result<IgnoreMatcher> parse(std::string_view text, std::string_view file);
    // Patterns from flags (COPY --exclude).
    static Result<IgnoreMatcher> of_patterns(std::span<const std::string> patterns);

    // `path` is relative to the context's root, '/'-separated, without "." or "..". The root itself
    // ("" or ".") is never excluded.
    bool excluded(std::string_view path) const;

    // True when nothing below the directory can be brought back, so that a walk need not enter it:
    // it is excluded and no `!` pattern can match inside. Never true for a directory that holds an
    // included path.
    bool prune(std::string_view directory) const;

    bool has_exceptions() const { return has_exceptions_; }
    bool empty() const { return patterns_.empty(); }

private:
    struct Token {
        enum class Kind : unsigned char {
            literal,
            any,          // `?`: one character but '/'
            star,         // `*`: any text without '/'
            directories,  // `**/`: nothing, or any text that ends in '/'
            everything,   // `**` at the end
            set,          // `[a-z]`, `[^a-z]`
        };
        Kind kind = Kind::literal;
        char32_t character = 0;
        bool negated = false;
        std::vector<std::pair<char32_t, char32_t>> ranges;

        bool accepts(char32_t c) const;
    };
    struct Pattern {
        enum class Kind : unsigned char { exact, prefix, suffix, glob };
        Kind kind = Kind::exact;
        bool exception = false;
        std::string text;  // exact, prefix, suffix: what is compared
        std::vector<Token> tokens;
        std::string needle;  // glob: the longest plain text of it, which every match holds

        bool matches_or_parent(std::string_view path) const;
        bool may_match_below(std::string_view directory) const;
        // Walks the tokens along `path`; true at the first whole component that matches. `alive`
        // tells whether more text could still match.
        bool walk(std::string_view path, bool& alive) const;
    };
    static Result<Pattern> compile(const std::string& text);
    static Result<std::vector<Token>> tokenize(std::string_view text);
    static Result<Token> tokenize_set(std::string_view text, std::size_t& position);
    Result<> add(std::string_view pattern);

    std::vector<Pattern> patterns_;
    bool has_exceptions_ = false;
};

}  // namespace crank::dockerfile
