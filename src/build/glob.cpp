#include "build/glob.h"

#include <cstdint>
#include <string>
#include <vector>

namespace crank::build {

namespace {

// One character from the front of `text`, which must not be empty.
char32_t take(std::string_view& text) {
    auto lead = static_cast<unsigned char>(text[0]);
    std::size_t length = lead < 0x80    ? 1
                         : lead >= 0xf0 ? 4
                         : lead >= 0xe0 ? 3
                         : lead >= 0xc2 ? 2
                                        : 1;
    char32_t value = length == 1 ? lead : lead & (0x7fU >> length);
    bool valid = lead < 0x80 || (length > 1 && length <= text.size());
    for (std::size_t i = 1; valid && i < length; ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        valid = (byte & 0xc0) == 0x80;
        value = value << 6 | (byte & 0x3f);
    }
    if (!valid) {
        length = 1;
        value = 0x110000 + lead;  // no UTF-8: equal to itself alone
    }
    text.remove_prefix(length);
    return value;
}

struct Token {
    enum class Kind : std::uint8_t { literal, any, star, set } kind = Kind::literal;
    char32_t character = 0;
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
};

Result<char32_t> class_character(std::string_view& text) {
    if (text.empty() || text[0] == '-' || text[0] == ']')
        return fail(Code::invalid_argument, "malformed character class");
    if (text[0] == '\\') text.remove_prefix(1);
    if (text.empty()) return fail(Code::invalid_argument, "unclosed character class");
    return take(text);
}

Result<Token> take_class(std::string_view& text) {
    Token token{.kind = Token::Kind::set};
    if (!text.empty() && text[0] == '^') {
        token.negated = true;
        text.remove_prefix(1);
    }
    while (true) {
        if (text.empty()) return fail(Code::invalid_argument, "unclosed character class");
        if (text[0] == ']' && !token.ranges.empty()) break;
        char32_t low = TRY(class_character(text));
        char32_t high = low;
        if (!text.empty() && text[0] == '-') {
            text.remove_prefix(1);
            high = TRY(class_character(text));
        }
        token.ranges.emplace_back(low, high);
    }
    text.remove_prefix(1);
    return token;
}

Result<std::vector<Token>> tokenize(std::string_view pattern) {
    std::vector<Token> tokens;
    while (!pattern.empty()) {
        char first = pattern[0];
        if (first == '*' || first == '?') {
            tokens.push_back({.kind = first == '*' ? Token::Kind::star : Token::Kind::any});
            pattern.remove_prefix(1);
        } else if (first == '[') {
            pattern.remove_prefix(1);
            tokens.push_back(TRY(take_class(pattern)));
        } else {
            if (first == '\\') pattern.remove_prefix(1);
            if (pattern.empty())
                return fail(Code::invalid_argument, "a backslash at the end escapes nothing");
            tokens.push_back({.character = take(pattern)});
        }
    }
    return tokens;
}

bool token_matches(const Token& token, char32_t c) {
    switch (token.kind) {
        case Token::Kind::literal: return token.character == c;
        case Token::Kind::any: return true;
        case Token::Kind::star: return false;
        case Token::Kind::set: break;
    }
    bool inside = false;
    for (const auto& [low, high] : token.ranges) inside = inside || (low <= c && c <= high);
    return inside != token.negated;
}

}  // namespace

Result<> check_glob(std::string_view pattern) {
    auto tokens = tokenize(pattern);
    if (!tokens)
        return fail(
            std::move(tokens).error().with_context("pattern '" + std::string(pattern) + "'"));
    return {};
}

bool glob_matches(std::string_view pattern, std::string_view name) {
    auto tokens = tokenize(pattern);
    if (!tokens) return false;
    // Only the last star needs to be tried again: what an earlier one could take, it can take too.
    std::size_t at = 0;
    std::size_t star = tokens->size();
    std::string_view rest = name, star_rest;
    while (!rest.empty()) {
        if (at < tokens->size() && (*tokens)[at].kind == Token::Kind::star) {
            star = at++;
            star_rest = rest;
            continue;
        }
        std::string_view next = rest;
        if (at < tokens->size() && token_matches((*tokens)[at], take(next))) {
            ++at;
            rest = next;
            continue;
        }
        if (star == tokens->size()) return false;
        take(star_rest);
        rest = star_rest;
        at = star + 1;
    }
    while (at < tokens->size() && (*tokens)[at].kind == Token::Kind::star) ++at;
    return at == tokens->size();
}

bool has_wildcard(std::string_view pattern) {
    return pattern.find_first_of("*?[\\") != std::string_view::npos;
}

std::string unescape_glob(std::string_view pattern) {
    std::string text;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\' && i + 1 < pattern.size()) ++i;
        text += pattern[i];
    }
    return text;
}

}  // namespace crank::build
