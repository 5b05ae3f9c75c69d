#include "dockerfile/instructions.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "dockerfile/check.h"
#include "dockerfile/parsers.h"
#include "dockerfile/source.h"

namespace crank::dockerfile {

namespace {

using Parser = Result<Body> (*)(const Node&);

struct KeywordParser {
    std::string_view keyword;
    Parser parse;
};

constexpr std::array kParsers = {
    KeywordParser{"ADD", parse_add},
    KeywordParser{"ARG", parse_arg},
    KeywordParser{"CMD", parse_cmd},
    KeywordParser{"COPY", parse_copy},
    KeywordParser{"ENTRYPOINT", parse_entrypoint},
    KeywordParser{"ENV", parse_env},
    KeywordParser{"EXPOSE", parse_expose},
    KeywordParser{"FROM", parse_from},
    KeywordParser{"HEALTHCHECK", parse_healthcheck},
    KeywordParser{"LABEL", parse_label},
    KeywordParser{"MAINTAINER", parse_maintainer},
    KeywordParser{"ONBUILD", parse_onbuild},
    KeywordParser{"RUN", parse_run},
    KeywordParser{"SHELL", parse_shell},
    KeywordParser{"STOPSIGNAL", parse_stop_signal},
    KeywordParser{"USER", parse_user},
    KeywordParser{"VOLUME", parse_volume},
    KeywordParser{"WORKDIR", parse_workdir},
};

std::unexpected<Error> unknown_instruction(const Node& node) {
    Error error(Code::invalid_argument, "unknown instruction " + quote_line(node.written_keyword));
    std::array<std::string_view, kParsers.size()> names;
    std::ranges::transform(kParsers, names.begin(), &KeywordParser::keyword);
    if (auto guess = did_you_mean(node.keyword, names))
        return fail(std::move(error).with_hint("did you mean " + *guess + "?"));
    return fail(std::move(error).with_hint(
        "if it continues the line before, end that line in the escape character"));
}

// An earlier stage's name is hidden by a later one's: allowed, hardly meant.
void warn_of_stage_name(Dockerfile& file, const Instruction& instruction) {
    const std::string& name = std::get<From>(instruction.body).name;
    if (name.empty()) return;
    for (const Stage& stage : file.stages) {
        if (stage.base().name != name) continue;
        file.warnings.push_back({file.file, instruction.span,
                                 "stage name " + name + " is used before, on line " +
                                     std::to_string(stage.from.span.line),
                                 rule::kDuplicateStageName});
        return;
    }
}

Result<> add_instruction(Dockerfile& file, Instruction instruction) {
    if (std::holds_alternative<From>(instruction.body)) {
        if (file.stages.size() == kMaxStages)
            return fail(Code::invalid_argument, "more than 512 stages");
        warn_of_stage_name(file, instruction);
        file.stages.push_back({std::move(instruction), {}});
    } else if (!file.stages.empty()) {
        file.stages.back().instructions.push_back(std::move(instruction));
    } else if (std::holds_alternative<Arg>(instruction.body)) {
        file.global_args.push_back(std::move(instruction));
    } else {
        return fail(Error(Code::invalid_argument, instruction.name + " stands before FROM")
                        .with_hint("begin with FROM IMAGE; only ARG may stand before it"));
    }
    return {};
}

}  // namespace

Result<Instruction> parse_instruction(const Node& node) {
    const auto* entry = std::ranges::find(kParsers, node.keyword, &KeywordParser::keyword);
    if (entry == kParsers.end()) return unknown_instruction(node);
    // JSON can write what no argument of a program can hold.
    for (const std::string& word : node.args) {
        if (word.find('\0') != std::string::npos)
            return fail(Code::invalid_argument, "a word of the JSON array holds a NUL character");
    }
    Instruction out{node.keyword, node.span, node.original, {}};
    out.body = TRY(entry->parse(node));
    return out;
}

std::string_view Dockerfile::line(std::uint32_t number) const {
    std::string_view rest = text;
    for (std::uint32_t i = 1; i <= number && !rest.empty(); ++i) {
        std::size_t end = std::min(rest.find('\n'), rest.size());
        std::string_view found = rest.substr(0, end);
        if (i == number) {
            if (found.ends_with('\r')) found.remove_suffix(1);
            return found;
        }
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

Result<Dockerfile> parse(std::string_view text, std::string_view file) {
    Ast ast = TRY(parse_ast(text, file));
    Dockerfile out;
    out.file = file;
    out.text = text;
    out.directives = std::move(ast.directives);
    out.warnings = std::move(ast.warnings);
    for (const Node& node : ast.nodes) {
        auto instruction = parse_instruction(node);
        Result<> added;
        if (instruction)
            added = add_instruction(out, *std::move(instruction));
        else
            added = std::unexpected(std::move(instruction).error());
        if (!added) return fail(at(std::move(added).error(), file, node.span, node.original));
    }
    if (out.stages.empty())
        return fail(Error(Code::invalid_argument, out.file + " holds no FROM")
                        .with_hint("begin it with FROM IMAGE"));
    return out;
}

}  // namespace crank::dockerfile
