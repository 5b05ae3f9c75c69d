#include "dockerfile/source.h"

#include "base/text.h"

namespace crank::dockerfile {

namespace {
constexpr std::size_t kQuoteBytes = 80;
}

std::string Warning::message() const {
    if (span.line == 0) return text;
    return file + ":" + std::to_string(span.line) + ": " + text;
}

std::string quote_line(std::string_view text) {
    text = trim(text);
    bool cut = text.size() > kQuoteBytes;
    if (cut) {
        std::size_t end = kQuoteBytes;
        // Not inside a UTF-8 sequence: step back over continuation bytes.
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
        text = text.substr(0, end);
    }
    std::string out = "\"";
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    return out + (cut ? "...\"" : "\"");
}

Error at(Error error, std::string_view file, const SourceSpan& span, std::string_view text) {
    std::string place = std::string(file) + ":" + std::to_string(span.line);
    if (!text.empty()) place += ": " + quote_line(text);
    return std::move(error).with_context(std::move(place));
}

std::unexpected<Error> fail_at(Code code, std::string message, std::string_view file,
                               const SourceSpan& span, std::string_view text) {
    return fail(at(Error(code, std::move(message)), file, span, text));
}

}  // namespace crank::dockerfile
