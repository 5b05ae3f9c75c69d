// A small strict JSON reader (RFC 8259) that keeps the strings of a top-level array. Whether a text
// is JSON decides between exec form and shell form, so it must be neither laxer nor stricter.
#include <cstdint>
#include <optional>

#include "dockerfile/unicode.h"
#include "dockerfile/words.h"

namespace crank::dockerfile {

namespace {

constexpr int kMaxDepth = 64;

void append_utf8(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
        return;
    }
    if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            out += static_cast<char>(0xE0 | c >> 12);
        } else {
            out += static_cast<char>(0xF0 | c >> 18);
            out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        }
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    }
    out += static_cast<char>(0x80 | (c & 0x3F));
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {}

    JsonArray read() {
        JsonArray array;
        skip_space();
        if (!take('[')) return array;
        skip_space();
        bool only_strings = true;
        if (!take(']')) {
            do {
                skip_space();
                if (peek() == '"') {
                    std::string word;
                    if (!string(word)) return {};
                    array.words.push_back(std::move(word));
                } else {
                    if (!value(1)) return {};
                    only_strings = false;
                }
                skip_space();
            } while (take(','));
            if (!take(']')) return {};
        }
        skip_space();
        if (position_ != text_.size()) return {};
        array.kind = only_strings ? JsonArray::Kind::strings : JsonArray::Kind::other;
        return array;
    }

private:
    char peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }
    bool take(char c) {
        if (peek() != c || position_ == text_.size()) return false;
        ++position_;
        return true;
    }
    bool take(std::string_view word) {
        if (!text_.substr(position_).starts_with(word)) return false;
        position_ += word.size();
        return true;
    }
    void skip_space() {
        while (peek() == ' ' || peek() == '\t' || peek() == '\r' || peek() == '\n') ++position_;
    }

    bool value(int depth) {
        if (depth > kMaxDepth) return false;
        skip_space();
        std::string ignored;
        switch (peek()) {
            case '"': return string(ignored);
            case '[': return members('[', ']', depth);
            case '{': return members('{', '}', depth);
            case 't': return take("true");
            case 'f': return take("false");
            case 'n': return take("null");
            default: return number();
        }
    }

    bool members(char open, char close, int depth) {
        if (!take(open)) return false;
        skip_space();
        if (take(close)) return true;
        do {
            skip_space();
            if (open == '{') {
                std::string key;
                if (!string(key)) return false;
                skip_space();
                if (!take(':')) return false;
            }
            if (!value(depth + 1)) return false;
            skip_space();
        } while (take(','));
        return take(close);
    }

    bool digits() {
        std::size_t begin = position_;
        while (peek() >= '0' && peek() <= '9') ++position_;
        return position_ > begin;
    }

    bool number() {
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            return digits();
        }
        return true;
    }

    std::optional<char32_t> hex4() {
        if (position_ + 4 > text_.size()) return std::nullopt;
        char32_t out = 0;
        for (int i = 0; i < 4; ++i) {
            char c = text_[position_++];
            if (c >= '0' && c <= '9')
                out = out * 16 + static_cast<char32_t>(c - '0');
            else if (c >= 'a' && c <= 'f')
                out = out * 16 + static_cast<char32_t>(c - 'a' + 10);
            else if (c >= 'A' && c <= 'F')
                out = out * 16 + static_cast<char32_t>(c - 'A' + 10);
            else
                return std::nullopt;
        }
        return out;
    }

    // After "\u". A surrogate without its partner becomes U+FFFD, as encoding/json does it.
    bool unicode_escape(std::string& out) {
        auto first = hex4();
        if (!first) return false;
        char32_t c = *first;
        if (c >= 0xD800 && c <= 0xDFFF) {
            std::size_t back = position_;
            std::optional<char32_t> second;
            if (c < 0xDC00 && take("\\u")) second = hex4();
            if (second && *second >= 0xDC00 && *second <= 0xDFFF) {
                c = 0x10000 + ((c - 0xD800) << 10) + (*second - 0xDC00);
            } else {
                position_ = back;
                c = 0xFFFD;
            }
        }
        append_utf8(out, c);
        return true;
    }

    bool escape(std::string& out) {
        if (position_ == text_.size()) return false;
        constexpr std::string_view kNames = "\"\\/bfnrt";
        constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
        char c = text_[position_++];
        if (c == 'u') return unicode_escape(out);
        std::size_t at = kNames.find(c);
        if (at == std::string_view::npos) return false;
        out += kValues[at];
        return true;
    }

    bool string(std::string& out) {
        if (!take('"')) return false;
        while (position_ < text_.size()) {
            char c = text_[position_++];
            if (c == '"') return true;
            if (static_cast<unsigned char>(c) < 0x20) return false;
            if (c != '\\')
                out += c;
            else if (!escape(out))
                return false;
        }
        return false;
    }

    std::string_view text_;
    std::size_t position_ = 0;
};

}  // namespace

JsonArray parse_json_array(std::string_view text) { return Reader(trim_left_space(text)).read(); }

}  // namespace crank::dockerfile
