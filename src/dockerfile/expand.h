// Variable expansion and word splitting, as BuildKit does them (not a shell's: no commands, no
// arithmetic, no globbing of files).
//
//   $X ${X}              value, or nothing
//   ${X:-d} ${X-d}       d when X is unset (with ':' also when it is empty)
//   ${X:+a} ${X+a}       a when X is set (with ':' and not empty)
//   ${X:?m} ${X?m}       error m when X is unset (with ':' also when it is empty)
//   ${X#p} ${X##p}       without the shortest, longest prefix that matches p
//   ${X%p} ${X%%p}       without the shortest, longest suffix that matches p
//   ${X/p/r} ${X//p/r}   first match, every match of p replaced by r
//
// In p, `*` is any text without a line feed, `?` any one character, `\` takes the next character
// as it is. Single quotes keep everything; double quotes keep everything but `$` and escapes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dockerfile/environment.h"

namespace crank::dockerfile {

struct ExpandOptions {
    char escape = '\\';
    bool keep_quotes = false;   // quotes still quote, and stay in the result
    bool keep_escapes = false;  // escapes still escape, and stay in the result
    bool plain_quotes = false;  // quotes are characters like others (here-documents)
    bool keep_unset = false;    // "$X" of an unset X stays as written
};

struct Expanded {
    std::string text;                // as one word
    std::vector<std::string> words;  // split at unquoted white space, after expansion
    std::vector<std::string> unset;  // names used that are not set and have no default, each once
};

// Expands one text after the other under a budget, so that no Dockerfile can make it produce more
// than `max_bytes` in all or work longer than a bounded time.
class Expander {
public:
    static constexpr std::size_t kMaxBytes = 4 << 20;
    static constexpr std::size_t kMaxWork = std::size_t{1} << 28;  // pattern steps
    static constexpr int kMaxDepth = 50;                           // of ${a:-${b:-...}}

    explicit Expander(ExpandOptions options = {}) : options_(options) {}
    void set_options(ExpandOptions options) { options_ = options; }
    const ExpandOptions& options() const { return options_; }

    // Error: invalid_argument (syntax, ${X:?m}), exhausted (the budget).
    Result<Expanded> expand(std::string_view text, const Environment& env);

private:
    ExpandOptions options_;
    std::size_t bytes_ = 0;
    std::size_t work_ = 0;
};

// One text, one budget. As Expander::expand.
Result<std::string> expand_word(std::string_view text, const Environment& env,
                                ExpandOptions options = {});
Result<std::vector<std::string>> expand_words(std::string_view text, const Environment& env,
                                              ExpandOptions options = {});

}  // namespace crank::dockerfile
