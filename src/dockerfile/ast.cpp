#include "dockerfile/ast.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "dockerfile/check.h"
#include "dockerfile/unicode.h"
#include "dockerfile/words.h"

namespace crank::dockerfile {

namespace {

// How the text behind keyword and flags becomes Node::args.
enum class Grammar : std::uint8_t {
    blanks,        // words between blanks
    words,         // words between white space, quotes bind
    text,          // all of it
    json_or_text,  // exec form or shell form
    json_or_blanks,
    pairs,   // key=value words, or the old `key value`
    health,  // a word, then json_or_text
    onbuild,
};

struct KeywordGrammar {
    std::string_view keyword;
    Grammar grammar;
};

constexpr std::array kGrammars = {
    KeywordGrammar{"ADD", Grammar::json_or_blanks},
    KeywordGrammar{"ARG", Grammar::words},
    KeywordGrammar{"CMD", Grammar::json_or_text},
    KeywordGrammar{"COPY", Grammar::json_or_blanks},
    KeywordGrammar{"ENTRYPOINT", Grammar::json_or_text},
    KeywordGrammar{"ENV", Grammar::pairs},
    KeywordGrammar{"EXPOSE", Grammar::blanks},
    KeywordGrammar{"FROM", Grammar::blanks},
    KeywordGrammar{"HEALTHCHECK", Grammar::health},
    KeywordGrammar{"LABEL", Grammar::pairs},
    KeywordGrammar{"MAINTAINER", Grammar::text},
    KeywordGrammar{"ONBUILD", Grammar::onbuild},
    KeywordGrammar{"RUN", Grammar::json_or_text},
    KeywordGrammar{"SHELL", Grammar::json_or_text},
    KeywordGrammar{"STOPSIGNAL", Grammar::text},
    KeywordGrammar{"USER", Grammar::text},
    KeywordGrammar{"VOLUME", Grammar::json_or_blanks},
    KeywordGrammar{"WORKDIR", Grammar::text},
};

std::string to_upper(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

// The keyword, and what follows the blanks behind it.
std::pair<std::string_view, std::string_view> split_keyword(std::string_view line) {
    line = trim_space(line);
    std::size_t end = line.find_first_of(kBlanks);
    if (end == std::string_view::npos) return {line, {}};
    return {line.substr(0, end), trim_space(line.substr(end))};
}

// Sets args and json from `text`; false when it is no JSON array.
Result<bool> take_json(Node& node, std::string_view text) {
    JsonArray array = parse_json_array(text);
    if (array.kind == JsonArray::Kind::not_json) return false;
    if (array.kind == JsonArray::Kind::other) {
        return fail(Code::invalid_argument,
                    "a JSON array of " + node.keyword + " may hold strings only");
    }
    node.args.insert(node.args.end(), std::make_move_iterator(array.words.begin()),
                     std::make_move_iterator(array.words.end()));
    node.json = true;
    return true;
}

Result<> take_pairs(Node& node, char escape) {
    node.args = split_quoted_words(node.rest, escape);
    if (node.args.empty()) return {};
    if (node.args[0].find('=') == std::string::npos) {
        std::size_t end = node.rest.find_first_of(kBlanks);
        if (end == std::string::npos)
            return fail(Error(Code::invalid_argument, node.keyword + " needs a name and a value")
                            .with_hint("write " + node.keyword + " " + node.rest + "=value"));
        node.legacy_pair = true;
        node.args = {node.rest.substr(0, end),
                     node.rest.substr(node.rest.find_first_not_of(kBlanks, end))};
        return {};
    }
    for (const std::string& word : node.args) {
        if (word.find('=') == std::string::npos)
            return fail(Error(Code::invalid_argument, "no '=' in " + quote_line(word) + " (" +
                                                          node.keyword + " takes name=value)")
                            .with_hint("quote a value that holds spaces"));
    }
    return {};
}

Result<> take_arguments(Node& node, char escape);

Result<Node> node_of_line(std::string_view line, char escape) {
    auto [keyword, arguments] = split_keyword(line);
    Node node;
    node.written_keyword = keyword;
    node.keyword = to_upper(keyword);
    node.escape = escape;
    node.original = trim_space(line);
    FlagsAndRest split = split_flags(arguments, escape);
    node.flags = std::move(split.flags);
    node.rest = split.rest;
    TRY(take_arguments(node, escape));
    return node;
}

Result<> take_health(Node& node) {
    std::string_view rest = node.rest;
    if (rest.empty()) return {};
    std::size_t end = std::min(rest.find_first_of(" \t\v\f\r\n"), rest.size());
    node.args.emplace_back(rest.substr(0, end));
    rest = trim_space(rest.substr(end));
    if (!rest.empty() && !TRY(take_json(node, rest))) node.args.emplace_back(rest);
    return {};
}

Result<> take_arguments(Node& node, char escape) {
    const auto* entry = std::ranges::find(kGrammars, node.keyword, &KeywordGrammar::keyword);
    if (entry == kGrammars.end()) return {};  // the next layer refuses it
    switch (entry->grammar) {
        case Grammar::blanks: node.args = split_blanks(node.rest); break;
        case Grammar::words: node.args = split_quoted_words(node.rest, escape); break;
        case Grammar::pairs: TRY(take_pairs(node, escape)); break;
        case Grammar::health: TRY(take_health(node)); break;
        case Grammar::onbuild:
            // One level only: the trigger is parsed when it is used.
            if (!node.rest.empty()) node.args = {to_upper(split_keyword(node.rest).first)};
            break;
        case Grammar::text:
            if (!node.rest.empty()) node.args = {node.rest};
            break;
        case Grammar::json_or_text:
            if (!TRY(take_json(node, node.rest)) && !node.rest.empty()) node.args = {node.rest};
            break;
        case Grammar::json_or_blanks:
            if (!TRY(take_json(node, node.rest))) node.args = split_blanks(node.rest);
            break;
    }
    return {};
}

// ADD, COPY and RUN (also as a trigger) unless they are in exec form.
bool may_hold_heredocs(const Node& node, char escape) {
    auto takes = [](const std::string& keyword) {
        return keyword == "ADD" || keyword == "COPY" || keyword == "RUN";
    };
    if (node.keyword != "ONBUILD") return takes(node.keyword) && !node.json;
    auto trigger = node_of_line(node.rest, escape);
    return trigger && takes(trigger->keyword) && !trigger->json;
}

// `CMD ['a', 'b']` runs a shell on exactly that text, which nobody wants.
bool looks_like_json(const Node& node) {
    if (node.json || node.rest.size() < 2) return false;
    std::string_view text = node.keyword == "HEALTHCHECK" && node.args.size() > 1
                                ? std::string_view(node.args[1])
                                : std::string_view(node.rest);
    if (!text.starts_with('[')) return false;
    text = trim_left_space(text.substr(1));
    const auto* entry = std::ranges::find(kGrammars, node.keyword, &KeywordGrammar::keyword);
    return entry != kGrammars.end() &&
           (entry->grammar == Grammar::json_or_text || entry->grammar == Grammar::json_or_blanks ||
            entry->grammar == Grammar::health) &&
           (text.starts_with('\'') || text.starts_with('"'));
}

Result<> read_heredocs(Node& node, Lexer& lexer, const LogicalLine& line) {
    if (!may_hold_heredocs(node, lexer.directives().escape)) return {};
    auto docs = heredocs_of(line.text);
    if (!docs) return fail(at(std::move(docs).error(), lexer.file(), line.span, line.text));
    for (Heredoc& doc : *docs) {
        node.span.end_line = TRY(lexer.read_heredoc(doc, line));
        node.heredocs.push_back(std::move(doc));
    }
    return {};
}

}  // namespace

Result<Ast> parse_ast(std::string_view text, std::string_view file) {
    Lexer lexer = TRY(Lexer::create(text, file));
    Ast ast;
    ast.file = file;
    while (auto line = TRY(lexer.next())) {
        auto node = node_of_line(line->text, lexer.directives().escape);
        if (!node) return fail(at(std::move(node).error(), file, line->span, line->text));
        if (ast.nodes.size() == kMaxInstructions) {
            return fail_at(Code::invalid_argument, "more than 4096 instructions", file, line->span,
                           line->text);
        }
        node->span = line->span;
        node->comments = std::move(line->comments);
        TRY(read_heredocs(*node, lexer, *line));
        if (looks_like_json(*node)) {
            ast.warnings.push_back({ast.file, node->span,
                                    node->keyword + " looks like a JSON array and is not one "
                                                    "(strings need double quotes); taken as text",
                                    rule::kJsonArgs});
        }
        ast.nodes.push_back(*std::move(node));
    }
    if (ast.nodes.empty())
        return fail(Error(Code::invalid_argument, ast.file + " holds no instruction")
                        .with_hint("begin it with FROM"));
    ast.directives = lexer.directives();
    std::ranges::move(lexer.take_warnings(), std::back_inserter(ast.warnings));
    return ast;
}

Result<Node> parse_node(std::string_view line, char escape) { return node_of_line(line, escape); }

}  // namespace crank::dockerfile
