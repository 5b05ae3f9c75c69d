#include <algorithm>

#include "base/text.h"
#include "dockerfile/expand.h"
#include "dockerfile/lex.h"
#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

std::size_t count_quotes(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return c == '\'' || c == '"'; }));
}

}  // namespace

std::string Heredoc::text() const {
    if (!strip_tabs) return content;
    std::string out;
    out.reserve(content.size());
    bool at_start = true;
    for (char c : content) {
        if (at_start && c == '\t') continue;
        at_start = c == '\n';
        out += c;
    }
    return out;
}

Result<std::optional<Heredoc>> heredoc_of_word(std::string_view word) {
    std::size_t digits = 0;
    while (digits < word.size() && is_digit(static_cast<unsigned char>(word[digits]))) ++digits;
    std::string_view rest = word.substr(digits);
    if (!rest.starts_with("<<")) return std::nullopt;
    rest.remove_prefix(2);
    Heredoc doc;
    if (rest.starts_with('-')) {
        doc.strip_tabs = true;
        rest.remove_prefix(1);
    }
    rest = trim_left_space(rest);
    if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
    if (digits > 0) {
        auto fd = parse_int(word.substr(0, digits));
        if (!fd || *fd > 1023)
            return fail(Code::invalid_argument, "here-document for a descriptor above 1023");
        doc.fd = static_cast<std::uint32_t>(*fd);
    }
    // Taken with and without its quotes: where the numbers of quotes differ, some were taken off,
    // and a quoted name means that the text is not expanded.
    ExpandOptions options{.keep_unset = true};
    auto words = TRY(expand_words(rest, {}, options));
    options.keep_quotes = true;
    auto quoted = TRY(expand_words(rest, {}, options));
    if (words.size() != 1 || quoted.size() != 1) return std::nullopt;
    doc.name = words[0];
    doc.expand = count_quotes(words[0]) == count_quotes(quoted[0]);
    return doc;
}

Result<std::vector<Heredoc>> heredocs_of(std::string_view line) {
    std::vector<Heredoc> docs;
    if (line.find("<<") == std::string_view::npos) return docs;
    ExpandOptions options{.keep_quotes = true, .keep_escapes = true, .keep_unset = true};
    auto words = expand_words(line, {}, options);
    // An unbalanced quote is the shell's affair; such a line opens no here-document.
    if (!words) return docs;
    for (const std::string& word : *words) {
        if (auto doc = TRY(heredoc_of_word(word))) docs.push_back(*std::move(doc));
    }
    if (docs.size() > kMaxHeredocs)
        return fail(Code::invalid_argument, "more than 64 here-documents in one instruction");
    return docs;
}

}  // namespace crank::dockerfile
