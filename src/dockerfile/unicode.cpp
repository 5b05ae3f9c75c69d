#include "dockerfile/unicode.h"

#include <algorithm>
#include <array>

namespace crank::dockerfile {

namespace {

constexpr char32_t kReplacement = 0xFFFD;

// Length of the sequence that `lead` begins; 0 when it begins none.
std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

struct Range {
    char32_t first, last;
};

// Beyond ASCII: controls, punctuation, symbols, spaces, surrogates, private use.
constexpr std::array kNotLetters = {
    Range{0x80, 0xA9},     Range{0xAB, 0xB4},       Range{0xB6, 0xB9},        Range{0xBB, 0xBF},
    Range{0xD7, 0xD7},     Range{0xF7, 0xF7},       Range{0x2C2, 0x2C5},      Range{0x300, 0x36F},
    Range{0x1680, 0x1680}, Range{0x2000, 0x2070},   Range{0x2074, 0x207E},    Range{0x2080, 0x208F},
    Range{0x20A0, 0x2101}, Range{0x2190, 0x2BFF},   Range{0x3000, 0x3004},    Range{0x3007, 0x3030},
    Range{0x3200, 0x33FF}, Range{0xD800, 0xF8FF},   Range{0xFE00, 0xFE6F},    Range{0xFF00, 0xFF20},
    Range{0xFFF0, 0xFFFF}, Range{0x1F000, 0x1FFFF}, Range{0xE0000, 0x10FFFF},
};

}  // namespace

Rune rune_at(std::string_view text, std::size_t position) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[position + i]); };
    std::size_t length = sequence_length(byte(0));
    if (length == 1) return {byte(0), 1};
    if (length == 0 || position + length > text.size()) return {kReplacement, 1};
    constexpr std::array<unsigned char, 5> kLeadMask = {0, 0x7F, 0x1F, 0x0F, 0x07};
    char32_t value = byte(0) & kLeadMask[length];
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80) return {kReplacement, 1};
        value = value << 6 | (byte(i) & 0x3F);
    }
    bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
    bool surrogate = value >= 0xD800 && value <= 0xDFFF;
    if (overlong || surrogate || value > 0x10FFFF) return {kReplacement, 1};
    return {value, length};
}

bool is_space(char32_t c) {
    if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_letter(char32_t c) {
    if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return std::ranges::none_of(kNotLetters,
                                [c](const Range& r) { return c >= r.first && c <= r.last; });
}

bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }

std::string_view trim_left_space(std::string_view text) {
    while (!text.empty()) {
        Rune rune = rune_at(text, 0);
        if (!is_space(rune.value)) break;
        text.remove_prefix(rune.width);
    }
    return text;
}

std::string_view trim_space(std::string_view text) {
    text = trim_left_space(text);
    // White space is at most three bytes long in UTF-8.
    while (!text.empty()) {
        std::size_t width = 0;
        for (std::size_t n = 1; n <= 3 && n <= text.size() && width == 0; ++n) {
            Rune rune = rune_at(text, text.size() - n);
            if (rune.width == n && is_space(rune.value)) width = n;
        }
        if (width == 0) break;
        text.remove_suffix(width);
    }
    return text;
}

std::string_view strip_line_end(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    return line;
}

}  // namespace crank::dockerfile
