#include "dockerfile/words.h"

#include <algorithm>
#include <utility>

#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

bool is_ascii_space(char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 && is_space(byte);
}

// One flag: up to unquoted white space, without its quotes and escapes. `text` moves behind it.
std::string take_flag(std::string_view& text, char escape) {
    std::string word;
    char quote = 0;
    std::size_t i = 0;
    for (; i < text.size(); ++i) {
        char c = text[i];
        if (quote == 0 && is_ascii_space(c)) break;
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == escape) {
            if (++i < text.size()) word += text[i];
        } else {
            word += c;
        }
    }
    text.remove_prefix(std::min(i, text.size()));
    return word;
}

}  // namespace

FlagsAndRest split_flags(std::string_view arguments, char escape) {
    FlagsAndRest out;
    std::string_view text = trim_left_space(arguments);
    while (text.starts_with("--")) {
        std::string flag = take_flag(text, escape);
        text = trim_left_space(text);
        if (flag == "--") break;  // ends the flags, as for commands
        out.flags.push_back(std::move(flag));
    }
    out.rest = trim_space(text);
    return out;
}

std::vector<std::string> split_quoted_words(std::string_view text, char escape) {
    std::vector<std::string> words;
    std::string word;
    char32_t quote = 0;
    auto escaped = static_cast<char32_t>(escape);
    std::size_t i = 0;
    while (i < text.size()) {
        Rune rune = rune_at(text, i);
        if (quote == 0 && is_space(rune.value)) {
            if (!word.empty()) words.push_back(std::exchange(word, {}));
            i += rune.width;
            continue;
        }
        // Inside single quotes nothing escapes.
        if (rune.value == escaped && quote != '\'') {
            i += rune.width;
            if (i == text.size()) break;  // an escape at the very end is dropped
            word += escape;
            rune = rune_at(text, i);
        } else if (quote == 0 && (rune.value == '\'' || rune.value == '"')) {
            quote = rune.value;
        } else if (quote != 0 && rune.value == quote) {
            quote = 0;
        }
        word += text.substr(i, rune.width);
        i += rune.width;
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

std::vector<std::string> split_blanks(std::string_view text) {
    std::vector<std::string> words;
    std::size_t begin = text.find_first_not_of(kBlanks);
    while (begin != std::string_view::npos) {
        std::size_t end = text.find_first_of(kBlanks, begin);
        words.emplace_back(text.substr(begin, end - begin));
        begin = text.find_first_not_of(kBlanks, end);
    }
    return words;
}

}  // namespace crank::dockerfile
