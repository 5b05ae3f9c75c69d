// The text of a Dockerfile and the places in it that errors and warnings point at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/source_span.h"

namespace crank::dockerfile {

// Something the user should know that does not stop the build. `text` is lower case, without a full
// stop; a span whose line is 0 concerns no line of the file.
struct Warning {
    std::string file;
    SourceSpan span;
    std::string text;
    std::string_view rule = {};  // of `crank build --check` (check.h); empty: it has none

    // "Dockerfile:3: text", or the text alone where there is no line.
    std::string message() const;
};

// Attaches "FILE:LINE: \"TEXT\"" to an error as its context. `text` is shortened for display.
Error at(Error error, std::string_view file, const SourceSpan& span, std::string_view text);

// `return fail_at(Code::invalid_argument, "unknown instruction X", file, span, text);`
std::unexpected<Error> fail_at(Code code, std::string message, std::string_view file,
                               const SourceSpan& span, std::string_view text);

// One line of `text` in quotes, at most 80 bytes and cut at a character's border, control
// characters replaced: fit for an error message, whatever the file holds.
std::string quote_line(std::string_view text);

}  // namespace crank::dockerfile
