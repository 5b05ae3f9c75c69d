#include "dockerfile/lex.h"

#include <algorithm>

#include "base/text.h"
#include "dockerfile/check.h"
#include "dockerfile/unicode.h"

namespace crank::dockerfile {

namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

bool is_comment(std::string_view line) {
    line = trim_left_space(line);
    return !line.empty() && line.front() == '#';
}

bool is_blank(std::string_view line) { return trim_left_space(line).empty(); }

bool is_alphanumeric(char c) {
    auto rune = static_cast<unsigned char>(c);
    return rune < 0x80 && (is_letter(rune) || is_digit(rune));
}

SourceSpan line_span(std::uint32_t line) { return {.line = line, .column = 1, .end_line = line}; }

}  // namespace

Result<Lexer> Lexer::create(std::string_view text, std::string_view file) {
    std::string name(file);
    if (text.size() > kMaxFileBytes)
        return fail(Code::invalid_argument, name + " is larger than 1 MiB");
    if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
        return fail(Error(Code::invalid_argument, name + " is encoded in UTF-16")
                        .with_hint("save it as UTF-8"));
    }
    if (std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        auto line = 1 + std::count(text.begin(), text.begin() + static_cast<long>(nul), '\n');
        return fail(Code::invalid_argument,
                    name + ":" + std::to_string(line) + ": the line holds a NUL byte");
    }
    if (text.starts_with(kUtf8Mark)) text.remove_prefix(kUtf8Mark.size());
    return Lexer(text, file);
}

std::optional<std::string_view> Lexer::next_physical() {
    if (rest_.empty()) return std::nullopt;
    std::size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
    rest_.remove_prefix(line.size());
    ++line_;
    return line;
}

Result<std::optional<LogicalLine>> Lexer::next() {
    while (auto raw = next_physical()) {
        std::string_view line = trim_left_space(strip_line_end(*raw));
        if (!directives_done_ && TRY(take_directive(line))) continue;
        if (line.empty()) {
            comments_.clear();
            continue;
        }
        if (line.front() == '#') {
            note_comment(line);
            continue;
        }
        LogicalLine logical{.text = {}, .span = line_span(line_), .comments = {}};
        logical.text = join_continuations(line);
        logical.span.end_line = line_;
        logical.comments = std::exchange(comments_, {});
        // Nothing but escape characters.
        if (is_blank(logical.text)) continue;
        return logical;
    }
    return std::nullopt;
}

std::string Lexer::join_continuations(std::string_view first) {
    bool more = cut_continuation(first);
    std::string text(first);
    bool had_blank = false;
    while (more) {
        auto raw = next_physical();
        if (!raw) break;
        std::string_view line = strip_line_end(*raw);
        if (is_comment(line)) continue;
        if (is_blank(line)) {
            had_blank = true;
            continue;
        }
        more = cut_continuation(line);
        text += line;
    }
    if (had_blank) {
        warnings_.push_back({file_, line_span(line_),
                             "blank line inside a continued instruction (remove it, or end the "
                             "instruction)",
                             rule::kNoEmptyContinuation});
    }
    return text;
}

// An escape character at the end, which no other one precedes, and blanks after it.
bool Lexer::cut_continuation(std::string_view& line) const {
    std::size_t end = line.find_last_not_of(" \t");
    if (end == std::string_view::npos || line[end] != directives_.escape) return false;
    if (end > 0 && line[end - 1] == directives_.escape) return false;
    line = line.substr(0, end);
    return true;
}

void Lexer::note_comment(std::string_view line) {
    line = trim_space(line.substr(1));
    if (line.empty())
        comments_.clear();
    else
        comments_.emplace_back(line);
}

// Directives stand before everything else; the first line that is none ends them.
Result<bool> Lexer::take_directive(std::string_view line) {
    directives_done_ = true;
    if (!line.starts_with('#')) return false;
    std::string_view text = trim_left_space(line.substr(1));
    std::size_t end = 0;
    while (end < text.size() && is_alphanumeric(text[end])) ++end;
    if (end == 0 || is_digit(static_cast<unsigned char>(text[0]))) return false;
    std::string name = to_lower(text.substr(0, end));
    text = trim_space(text.substr(end));
    if (!text.starts_with('=')) return false;
    std::string value(trim_space(text.substr(1)));
    if (value.empty()) return false;
    if (name != "escape" && name != "syntax" && name != "check") return false;
    TRY(set_directive(name, std::move(value), line));
    directives_done_ = false;
    return true;
}

Result<> Lexer::set_directive(const std::string& name, std::string value, std::string_view line) {
    auto repeated = [&]() -> Result<> {
        return fail_at(Code::invalid_argument, "parser directive " + name + " is given twice",
                       file_, line_span(line_), line);
    };
    if (name == "escape") {
        if (escape_seen_) return repeated();
        if (value != "\\" && value != "`") {
            return fail_at(Code::invalid_argument, "the escape character must be \\ or `", file_,
                           line_span(line_), line);
        }
        escape_seen_ = true;
        directives_.escape = value[0];
        return {};
    }
    std::optional<std::string>& slot = name == "syntax" ? directives_.syntax : directives_.check;
    if (slot) return repeated();
    slot = std::move(value);
    return {};
}

Result<std::uint32_t> Lexer::read_heredoc(Heredoc& doc, const LogicalLine& owner) {
    while (auto raw = next_physical()) {
        std::string_view line = strip_line_end(*raw);
        if (doc.strip_tabs) line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
        if (line == doc.name) return line_;
        doc.content += *raw;
    }
    return fail_at(Code::invalid_argument,
                   "here-document without its end: no line is " + quote_line(doc.name), file_,
                   owner.span, owner.text);
}

}  // namespace crank::dockerfile
