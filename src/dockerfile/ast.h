// Second layer: logical lines -> nodes. Knows each instruction's argument grammar, not its meaning.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/source_span.h"
#include "dockerfile/lex.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

struct Node {
    std::string keyword;             // upper case
    std::string written_keyword;     // as in the file
    std::vector<std::string> flags;  // "--chown=a:b", quotes and escapes taken off
    std::string rest;                // what follows the flags, as written
    // The words of `rest` by the instruction's own grammar: JSON strings, white-space separated
    // words, quoted words (quotes kept), or the one text. ENV and LABEL: "key=value" words, or key
    // and value alone where `legacy_pair` is set (`ENV key value`).
    std::vector<std::string> args;
    bool json = false;         // args come from a JSON array (exec form)
    bool legacy_pair = false;  // the old `ENV key value`
    std::vector<Heredoc> heredocs;
    std::vector<std::string> comments;
    SourceSpan span;
    std::string original;  // the logical line
    char escape = '\\';    // in force where it stands
};

struct Ast {
    std::string file;
    Directives directives;
    std::vector<Node> nodes;  // at least one
    std::vector<Warning> warnings;
};

// `file` is the name shown in errors. Error: invalid_argument, naming file, line and text.
Result<Ast> parse_ast(std::string_view text, std::string_view file);

// One instruction that stands in no file of its own: an ONBUILD trigger. Its span is empty.
// Error: invalid_argument, without a place.
Result<Node> parse_node(std::string_view line, char escape);

}  // namespace crank::dockerfile
