#include "dockerfile/pattern.h"

#include <algorithm>

#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

// The characters of a text and where each begins; starts.back() is the text's size. A byte that is
// not UTF-8 gets a value of its own, so that it matches only itself.
struct Runes {
    std::vector<char32_t> values;
    std::vector<std::size_t> starts;
};

Runes runes_of(std::string_view text) {
    Runes out;
    std::size_t i = 0;
    while (i < text.size()) {
        Rune rune = rune_at(text, i);
        bool invalid = rune.width == 1 && static_cast<unsigned char>(text[i]) >= 0x80;
        out.values.push_back(invalid ? 0x110000 + static_cast<unsigned char>(text[i]) : rune.value);
        out.starts.push_back(i);
        i += rune.width;
    }
    out.starts.push_back(text.size());
    return out;
}

}  // namespace

Result<ShellPattern> ShellPattern::compile(std::string_view pattern) {
    ShellPattern out;
    std::vector<char32_t> runes = runes_of(pattern).values;
    for (std::size_t i = 0; i < runes.size(); ++i) {
        char32_t c = runes[i];
        if (c == '*' || c == '?') {
            // Two stars are one.
            if (c == '*' && !out.tokens_.empty() && out.tokens_.back().kind == Token::Kind::star)
                continue;
            out.tokens_.push_back({c == '*' ? Token::Kind::star : Token::Kind::any, 0});
            continue;
        }
        if (c == '\\') {
            constexpr std::u32string_view kEscapable = U"*?\\/}";
            if (++i == runes.size() || kEscapable.find(runes[i]) == std::u32string_view::npos)
                return fail(Code::invalid_argument,
                            "invalid escape in pattern \"" + std::string(pattern) + "\"");
            c = runes[i];
        }
        out.tokens_.push_back({Token::Kind::literal, c});
    }
    return out;
}

// All ends of a match that begins at 0, by simulation: `alive[s]` says that the first s tokens can
// match what was read so far.
std::optional<std::size_t> ShellPattern::match(const std::vector<Token>& tokens,
                                               const std::vector<char32_t>& runes, Length length) {
    std::vector<char> alive(tokens.size() + 1, 0), next(tokens.size() + 1, 0);
    auto close = [&](std::vector<char>& states) {
        for (std::size_t s = 0; s < tokens.size(); ++s)
            if (states[s] && tokens[s].kind == Token::Kind::star) states[s + 1] = 1;
    };
    alive[0] = 1;
    close(alive);
    std::optional<std::size_t> found;
    for (std::size_t i = 0;; ++i) {
        if (alive[tokens.size()]) {
            found = i;
            if (length == Length::shortest) return found;
        }
        if (i == runes.size() || std::ranges::none_of(alive, [](char a) { return a != 0; }))
            return found;
        std::ranges::fill(next, 0);
        for (std::size_t s = 0; s < tokens.size(); ++s) {
            if (!alive[s]) continue;
            const Token& token = tokens[s];
            if (token.kind == Token::Kind::literal ? token.character == runes[i] : runes[i] != '\n')
                next[token.kind == Token::Kind::star ? s : s + 1] = 1;
        }
        close(next);
        std::swap(alive, next);
    }
}

std::optional<std::size_t> ShellPattern::prefix(std::string_view text, Length length) const {
    Runes runes = runes_of(text);
    auto found = match(tokens_, runes.values, length);
    if (!found) return std::nullopt;
    return runes.starts[*found];
}

std::optional<std::size_t> ShellPattern::suffix(std::string_view text, Length length) const {
    Runes runes = runes_of(text);
    std::vector<Token> tokens(tokens_.rbegin(), tokens_.rend());
    std::ranges::reverse(runes.values);
    auto found = match(tokens, runes.values, length);
    if (!found) return std::nullopt;
    return text.size() - runes.starts[runes.values.size() - *found];
}

// As match(), with a start for every state: the earliest wins, then the longest.
std::optional<ShellPattern::Span> ShellPattern::find_from(const std::vector<char32_t>& runes,
                                                          std::size_t from,
                                                          std::size_t& steps) const {
    const std::size_t accept = tokens_.size();
    std::vector<std::size_t> alive(accept + 1, kNowhere), next(accept + 1, kNowhere);
    auto close = [&](std::vector<std::size_t>& states) {
        for (std::size_t s = 0; s < accept; ++s)
            if (tokens_[s].kind == Token::Kind::star)
                states[s + 1] = std::min(states[s + 1], states[s]);
    };
    Span best{kNowhere, 0};
    for (std::size_t i = from;; ++i) {
        steps += accept + 1;
        if (best.begin == kNowhere) alive[0] = std::min(alive[0], i);
        close(alive);
        if (alive[accept] != kNowhere && alive[accept] <= best.begin) best = {alive[accept], i};
        // What began later than the match can no longer win.
        bool any = false;
        for (std::size_t& start : alive) {
            if (best.begin != kNowhere && start > best.begin) start = kNowhere;
            any = any || start != kNowhere;
        }
        if (i == runes.size() || !any) break;
        std::ranges::fill(next, kNowhere);
        for (std::size_t s = 0; s < accept; ++s) {
            if (alive[s] == kNowhere) continue;
            const Token& token = tokens_[s];
            char32_t c = runes[i];
            if (token.kind == Token::Kind::literal ? token.character != c : c == '\n') continue;
            std::size_t& to = next[token.kind == Token::Kind::star ? s : s + 1];
            to = std::min(to, alive[s]);
        }
        std::swap(alive, next);
    }
    if (best.begin == kNowhere) return std::nullopt;
    return best;
}

std::vector<ShellPattern::Span> ShellPattern::find(std::string_view text, bool all,
                                                   std::size_t& steps,
                                                   std::size_t max_steps) const {
    Runes runes = runes_of(text);
    std::vector<Span> found;
    std::size_t from = 0, last_end = kNowhere;
    while (from <= runes.values.size() && steps <= max_steps) {
        auto match = find_from(runes.values, from, steps);
        if (!match) break;
        bool empty = match->begin == match->end;
        if (!empty || match->begin != last_end) {
            found.push_back({runes.starts[match->begin], runes.starts[match->end]});
            last_end = match->end;
            if (!all) break;
        }
        // Go on behind the character at which nothing was matched.
        from = match->end + (empty ? 1 : 0);
    }
    return found;
}

std::size_t ShellPattern::cost(std::string_view text) const {
    return (text.size() + 1) * (tokens_.size() + 1);
}

}  // namespace crank::dockerfile
