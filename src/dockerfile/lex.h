// First layer: physical lines -> logical lines.
//
// What a logical line is follows BuildKit (docs.docker.com/reference/dockerfile, "Format",
// "Parser directives", "Here-Documents"): comment lines go, also between continued lines; a line
// that ends in the escape character (and blanks) continues on the next; blank lines inside a
// continuation are skipped with a warning; leading white space of the first line goes, that of
// continued lines stays; CRLF and a UTF-8 byte order mark are accepted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/source_span.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

inline constexpr std::size_t kMaxFileBytes = 1 << 20;  // a whole Dockerfile
inline constexpr std::size_t kMaxInstructions = 4096;  // instructions of a Dockerfile
inline constexpr std::size_t kMaxStages = 512;         // FROM instructions of it
inline constexpr std::size_t kMaxHeredocs = 64;        // here-documents of one instruction

// `# name=value` lines before anything else in the file.
struct Directives {
    char escape = '\\';                 // or '`'
    std::optional<std::string> syntax;  // accepted, has no effect: the syntax is built in
    std::optional<std::string> check;   // what `crank build --check` leaves out (check.h)
};

struct LogicalLine {
    std::string text;  // continuations joined, comments and line ends gone
    SourceSpan span;
    std::vector<std::string> comments;  // the comment block right above, without `#`
};

// A here-document: `RUN <<EOF`, `COPY <<-"file.txt" /dest`.
struct Heredoc {
    std::string name;         // the terminator; for COPY also the file's name
    bool expand = true;       // false when any part of the name was quoted
    bool strip_tabs = false;  // `<<-`
    std::uint32_t fd = 0;     // the number before `<<`
    std::string content;      // as written, tabs still there; each line ends in '\n'

    // The content with leading tabs gone where `<<-` asks for it.
    std::string text() const;
};

// Reads a file line by line. Borrows `text`, which must outlive it.
class Lexer {
public:
    // Error: invalid_argument (too large, NUL bytes, UTF-16).
    static Result<Lexer> create(std::string_view text, std::string_view file);

    // The next logical line, or nothing at the end of the file. Error: invalid_argument (a bad or
    // repeated parser directive).
    Result<std::optional<LogicalLine>> next();

    // Reads the physical lines that follow up to the terminator of `doc` into doc.content and
    // returns the terminator's line number. Error: invalid_argument (unterminated).
    Result<std::uint32_t> read_heredoc(Heredoc& doc, const LogicalLine& owner);

    const Directives& directives() const { return directives_; }
    std::vector<Warning> take_warnings() { return std::move(warnings_); }
    const std::string& file() const { return file_; }
    // Physical lines read so far.
    std::uint32_t line() const { return line_; }

private:
    Lexer(std::string_view text, std::string_view file) : rest_(text), file_(file) {}
    std::optional<std::string_view> next_physical();
    Result<bool> take_directive(std::string_view line);
    Result<> set_directive(const std::string& name, std::string value, std::string_view line);
    std::string join_continuations(std::string_view first);
    bool cut_continuation(std::string_view& line) const;
    void note_comment(std::string_view line);

    std::string_view rest_;
    std::string file_;
    std::uint32_t line_ = 0;
    Directives directives_;
    bool directives_done_ = false;
    bool escape_seen_ = false;
    std::vector<std::string> comments_;
    std::vector<Warning> warnings_;
};

// The here-documents that a logical line opens, in order, with empty content.
// Error: invalid_argument (too many, or an unbalanced quote in a name).
Result<std::vector<Heredoc>> heredocs_of(std::string_view line);
// The here-document that one word opens (`<<EOF`), if it opens one.
Result<std::optional<Heredoc>> heredoc_of_word(std::string_view word);

}  // namespace crank::dockerfile
