#include "dockerfile/ignore.h"

#include <algorithm>

#include "base/text.h"
#include "dockerfile/paths.h"
#include "dockerfile/source.h"
#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

std::unexpected<Error> bad(std::string message) {
    return fail(Code::invalid_argument, std::move(message));
}

// How a state of the walk is alive.
enum : char {
    kDead = 0,
    kInside = 1,   // in the middle of what `**/` takes
    kEntered = 2,  // at the token's begin
};

// The longest run of characters that stand for themselves, found on the text of a pattern.
std::string longest_plain_text(std::string_view pattern) {
    std::string_view best;
    std::size_t begin = 0;
    bool in_set = false;
    for (std::size_t i = 0; i <= pattern.size(); ++i) {
        char c = i < pattern.size() ? pattern[i] : '*';
        bool special = std::string_view("*?[]\\").find(c) != std::string_view::npos;
        if (!special && !in_set) continue;
        if (!in_set && i - begin > best.size()) best = pattern.substr(begin, i - begin);
        if (c == '[') in_set = true;
        if (c == ']') in_set = false;
        if (c == '\\') ++i;  // the character behind it is left out, too
        begin = i + 1;
        // `**/` may stand for nothing, its '/' included.
        if (c == '*' && begin < pattern.size() && pattern[begin] == '/') ++begin, ++i;
    }
    return std::string(best);
}

bool is_below(std::string_view path, std::string_view directory) {
    return path.size() > directory.size() && path.starts_with(directory) &&
           path[directory.size()] == '/';
}

}  // namespace

bool IgnoreMatcher::Token::accepts(char32_t c) const {
    switch (kind) {
        case Kind::literal: return c == character;
        case Kind::any:
        case Kind::star: return c != '/';
        case Kind::directories:
        case Kind::everything: return true;
        case Kind::set: break;
    }
    bool found = std::ranges::any_of(
        ranges, [c](const auto& range) { return c >= range.first && c <= range.second; });
    return found != negated;
}

// At the '[' of a set. Go's path.Match: `[^a-c\]]`, not empty, '-' only between two characters.
Result<IgnoreMatcher::Token> IgnoreMatcher::tokenize_set(std::string_view text,
                                                         std::size_t& position) {
    Token token{.kind = Token::Kind::set, .ranges = {}};
    std::size_t i = position + 1;
    auto open = [&] { return bad("pattern has a '[' without its ']'"); };
    auto character = [&](char32_t& out) -> Result<> {
        if (i < text.size() && text[i] == '\\')
            ++i;
        else if (i < text.size() && (text[i] == '-' || text[i] == ']'))
            return bad("pattern has a malformed [...]");
        if (i >= text.size()) return open();
        Rune rune = rune_at(text, i);
        out = rune.value;
        i += rune.width;
        return {};
    };
    if (i < text.size() && text[i] == '^') {
        token.negated = true;
        ++i;
    }
    while (i < text.size() && (text[i] != ']' || token.ranges.empty())) {
        std::pair<char32_t, char32_t> range;
        TRY(character(range.first));
        range.second = range.first;
        if (i < text.size() && text[i] == '-') {
            ++i;
            TRY(character(range.second));
            if (range.second < range.first) return bad("pattern has a range that runs backwards");
        }
        token.ranges.push_back(range);
    }
    if (i >= text.size()) return open();
    position = i + 1;
    return token;
}

Result<std::vector<IgnoreMatcher::Token>> IgnoreMatcher::tokenize(std::string_view text) {
    std::vector<Token> tokens;
    std::size_t i = 0;
    auto push = [&](Token::Kind kind, char32_t character = 0) {
        tokens.push_back({.kind = kind, .character = character, .ranges = {}});
    };
    while (i < text.size()) {
        if (text.substr(i).starts_with("**")) {
            i += 2;
            if (i < text.size() && text[i] == '/') ++i;
            push(i == text.size() ? Token::Kind::everything : Token::Kind::directories);
            continue;
        }
        if (text[i] == '[') {
            tokens.push_back(TRY(tokenize_set(text, i)));
            continue;
        }
        if (text[i] == '*' || text[i] == '?') {
            push(text[i] == '*' ? Token::Kind::star : Token::Kind::any);
            ++i;
            continue;
        }
        if (text[i] == '\\' && ++i == text.size()) return bad("pattern ends in '\\'");
        Rune rune = rune_at(text, i);
        push(Token::Kind::literal, rune.value);
        i += rune.width;
    }
    return tokens;
}

// Most patterns are plain paths, "**/name" or "dir/**": those compare text.
Result<IgnoreMatcher::Pattern> IgnoreMatcher::compile(const std::string& text) {
    Pattern pattern;
    pattern.tokens = TRY(tokenize(text));
    pattern.text = text;
    constexpr std::string_view kSpecial = "*?[]\\";
    bool at_front = text.starts_with("**");
    bool at_back = !at_front && text.ends_with("**") && !text.ends_with("***");
    std::string_view plain = text;
    if (at_front) plain.remove_prefix(2);
    if (at_back) plain.remove_suffix(2);
    if (plain.find_first_of(kSpecial) != std::string_view::npos) {
        pattern.kind = Pattern::Kind::glob;
        pattern.needle = longest_plain_text(text);
        return pattern;
    }
    if (at_front)
        pattern.kind = Pattern::Kind::suffix;
    else if (at_back)
        pattern.kind = Pattern::Kind::prefix;
    pattern.text = std::string(plain);
    return pattern;
}

bool IgnoreMatcher::Pattern::walk(std::string_view path, bool& alive) const {
    const std::size_t accept = tokens.size();
    std::vector<char> now(accept + 1, kDead), next(accept + 1, kDead);
    // What a token may leave out.
    auto close = [&](std::vector<char>& states) {
        for (std::size_t s = 0; s < accept; ++s) {
            Token::Kind token = tokens[s].kind;
            bool optional = token == Token::Kind::star || token == Token::Kind::everything;
            if ((optional && states[s] != kDead) ||
                (token == Token::Kind::directories && states[s] == kEntered))
                states[s + 1] = kEntered;
        }
    };
    now[0] = kEntered;
    close(now);
    std::size_t i = 0;
    while (i < path.size()) {
        // A directory on the way matches: so does all below it.
        if (i > 0 && path[i] == '/' && now[accept] != kDead) return true;
        Rune rune = rune_at(path, i);
        i += rune.width;
        std::ranges::fill(next, kDead);
        for (std::size_t s = 0; s < accept; ++s) {
            if (now[s] == kDead || !tokens[s].accepts(rune.value)) continue;
            Token::Kind token = tokens[s].kind;
            bool stays = token == Token::Kind::star || token == Token::Kind::everything ||
                         token == Token::Kind::directories;
            if (stays) next[s] = std::max<char>(next[s], kInside);
            if (!stays || (token == Token::Kind::directories && rune.value == '/'))
                next[s + 1] = kEntered;
        }
        close(next);
        std::swap(now, next);
    }
    alive = std::ranges::any_of(now, [](char state) { return state != kDead; });
    return now[accept] != kDead;
}

bool IgnoreMatcher::Pattern::matches_or_parent(std::string_view path) const {
    bool alive = false;
    switch (kind) {
        case Kind::exact: return path == text || is_below(path, text);
        case Kind::prefix: return path.starts_with(text);
        case Kind::glob: return path.find(needle) != std::string_view::npos && walk(path, alive);
        case Kind::suffix: break;
    }
    if (text.empty()) return true;
    // At the end of the path or of one of its directories.
    for (std::size_t end = path.size(); end != std::string_view::npos && end > 0;
         end = path.rfind('/', end - 1)) {
        std::string_view part = path.substr(0, end);
        if (part.ends_with(text) || (text[0] == '/' && part == std::string_view(text).substr(1)))
            return true;
    }
    return false;
}

bool IgnoreMatcher::Pattern::may_match_below(std::string_view directory) const {
    std::string inside = std::string(directory) + "/";
    bool alive = false;
    switch (kind) {
        case Kind::exact: return text.starts_with(inside) || directory == text;
        case Kind::prefix: return text.starts_with(inside) || inside.starts_with(text);
        case Kind::suffix: return true;
        case Kind::glob: return walk(inside, alive) || alive;
    }
    return true;
}

Result<> IgnoreMatcher::add(std::string_view line) {
    std::string_view text = trim_space(line);
    if (text.empty()) return {};
    bool exception = text.front() == '!';
    if (exception) text = trim_space(text.substr(1));
    if (text.empty()) return bad("pattern ! names nothing to bring back");
    if (patterns_.size() == kMaxIgnorePatterns) return bad("more than 10000 patterns");
    std::string clean = clean_path(text);
    if (clean.size() > 1 && clean.front() == '/') clean.erase(0, 1);
    auto pattern = compile(clean);
    if (!pattern) return fail(std::move(pattern).error());
    pattern->exception = exception;
    has_exceptions_ = has_exceptions_ || exception;
    patterns_.push_back(*std::move(pattern));
    return {};
}

Result<IgnoreMatcher> IgnoreMatcher::parse(std::string_view text, std::string_view file) {
    if (text.size() > kMaxIgnoreBytes) return bad(std::string(file) + " is larger than 1 MiB");
    if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
    IgnoreMatcher out;
    std::uint32_t number = 0;
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        // Only in the first column: " #x" is a pattern.
        if (line.starts_with('#')) continue;
        auto added = out.add(line);
        if (!added)
            return fail(at(std::move(added).error(), file,
                           {.line = number, .column = 1, .end_line = number}, line));
    }
    return out;
}

Result<IgnoreMatcher> IgnoreMatcher::of_patterns(std::span<const std::string> patterns) {
    IgnoreMatcher out;
    for (const std::string& pattern : patterns)
        TRY_IN(out.add(pattern), "pattern " + quote_line(pattern));
    return out;
}

bool IgnoreMatcher::excluded(std::string_view path) const {
    while (path.ends_with('/')) path.remove_suffix(1);
    if (path.empty() || path == ".") return false;
    bool out = false;
    for (const Pattern& pattern : patterns_) {
        // Others would change nothing.
        if (pattern.exception == out && pattern.matches_or_parent(path)) out = !pattern.exception;
    }
    return out;
}

bool IgnoreMatcher::prune(std::string_view directory) const {
    while (directory.ends_with('/')) directory.remove_suffix(1);
    if (!excluded(directory)) return false;
    return std::ranges::none_of(patterns_, [&](const Pattern& pattern) {
        return pattern.exception && pattern.may_match_below(directory);
    });
}

}  // namespace crank::dockerfile
