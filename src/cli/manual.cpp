#include "cli/manual.h"

#include <vector>

#include "base/text.h"
#include "cli/output.h"
#include "cli/verbs.h"
#include "sys/file.h"

namespace crank::cli {
namespace {

std::string dashed(std::string_view name) {
    std::string out(name);
    for (char& c : out)
        if (c == ' ') c = '-';
    return out;
}

std::string spelling(const Flag& flag) {
    std::string text = flag.letter != 0 ? std::string("-") + flag.letter + ", " : "";
    return text + spelled_with_value(flag);
}

// Behind a flag's help: what the table knows of it besides.
std::string kind_note(const Flag& flag) {
    return flag.kind == FlagKind::list ? " (may stand several times)" : "";
}

std::string usage(const Verb& verb) {
    std::string text = "crank " + std::string(verb.name);
    if (!verb.syntax.flags.empty()) text += " [FLAGS]";
    if (!verb.syntax.arguments.empty()) text += " " + std::string(verb.syntax.arguments);
    return text;
}

std::vector<std::string> other_names(const Verb& verb) {
    std::vector<std::string> names;
    for (const Alias& alias : aliases())
        if (alias.name == verb.name) names.push_back("crank " + std::string(alias.typed));
    return names;
}

bool is_for_people(const Verb& verb) { return !verb.summary.empty(); }

// In a table's cell.
std::string cell(std::string_view text) {
    std::string out;
    for (char c : text) out += c == '|' ? "\\|" : std::string(1, c);
    return out;
}

std::string flag_table(std::span<const Flag> flags) {
    std::string text = "| flag | |\n| --- | --- |\n";
    for (const Flag& flag : flags)
        if (!flag.help.empty())
            text +=
                "| `" + cell(spelling(flag)) + "` | " + cell(flag.help) + kind_note(flag) + " |\n";
    return text;
}

// A text of man(7): a backslash and a dash that is typed are escapes, a line that begins with a dot
// or a quote would be a command.
std::string roff(std::string_view text) {
    std::string out;
    for (char c : text) {
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string roff_title(const std::string& name) {
    std::string upper = name;
    for (char& c : upper)
        if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
    return ".TH " + roff(upper) + " 1 \"\" \"crank " CRANK_VERSION "\" \"crank\"\n.SH NAME\n" +
           roff(name) + " \\- ";
}

std::string roff_flags(std::span<const Flag> flags) {
    std::string text;
    for (const Flag& flag : flags)
        if (!flag.help.empty())
            text +=
                ".TP\n.B " + roff(spelling(flag)) + "\n" + roff(flag.help) + kind_note(flag) + "\n";
    return text;
}

Result<> write_page(const std::string& dir, const std::string& name, const std::string& text) {
    return sys::write_file_atomic(dir + "/" + name, text, 0644, sys::Sync::no);
}

Result<int> perform(Invocation& invocation) {
    const std::string& form = invocation.arguments.words()[0];
    const std::string& dir = invocation.arguments.words()[1];
    if (form != "markdown" && form != "man")
        return fail(Code::usage, "no manual of the form \"" + form + "\": markdown or man");
    TRY(sys::make_dirs(dir));
    bool man = form == "man";
    for (const Verb* verb : verbs()) {
        if (!is_for_people(*verb)) continue;
        TRY(write_page(dir, man ? "crank-" + dashed(verb->name) + ".1" : page_name(*verb),
                       man ? man_page(*verb) : markdown_page(*verb)));
    }
    TRY(write_page(dir, man ? "crank.1" : "README.md", man ? man_index() : markdown_index()));
    return 0;
}

}  // namespace

std::string page_name(const Verb& verb) { return dashed(verb.name) + ".md"; }

std::string markdown_page(const Verb& verb) {
    std::string text =
        "# crank " + std::string(verb.name) + "\n\n" + capital(verb.summary) + ".\n\n";
    text += "```\n" + usage(verb) + "\n```\n";
    if (auto names = other_names(verb); !names.empty())
        text += "\nAlso `" + join(names, "`, `") + "`.\n";
    if (!verb.others.empty()) text += "\n" + capital(verb.others) + ".\n";
    if (!verb.syntax.flags.empty()) text += "\n" + flag_table(verb.syntax.flags);
    text += "\n[Flags that every verb has](README.md#everywhere).\n";
    if (!verb.syntax.missing.empty())
        text +=
            "\nDocker's that crank does not have, and what is nearest:\n\n| flag | |\n| --- | --- "
            "|\n";
    for (const MissingFlag& flag : verb.syntax.missing)
        text += "| `--" + std::string(flag.name) + "` | " + cell(flag.instead) + " |\n";
    if (!verb.examples.empty()) text += "\n## Examples\n\n```\n";
    for (std::string_view example : verb.examples) text += std::string(example) + "\n";
    if (!verb.examples.empty()) text += "```\n";
    return text;
}

std::string markdown_index() {
    std::string text =
        "# The verbs\n\nMade by `./dev docs` from the tables that crank parses by; `./dev lint` "
        "checks that they are current.\n";
    for (Group group : {Group::containers, Group::images, Group::machine}) {
        text += "\n## " + std::string(heading(group)) + "\n\n";
        for (const Verb* verb : verbs())
            if (verb->group == group && is_for_people(*verb))
                text += "- [crank " + std::string(verb->name) + "](" + page_name(*verb) +
                        "): " + std::string(verb->summary) + "\n";
    }
    return text + "\n## Everywhere\n\n" + flag_table(global_flags());
}

std::string man_page(const Verb& verb) {
    std::string text = roff_title("crank-" + dashed(verb.name)) + roff(verb.summary) + "\n";
    text += ".SH SYNOPSIS\n.B " + roff(usage(verb)) + "\n";
    text += ".SH DESCRIPTION\n" + roff(capital(verb.summary)) + ".\n";
    if (auto names = other_names(verb); !names.empty())
        text += "Also " + roff(join(names, ", ")) + ".\n";
    if (!verb.others.empty()) text += roff(capital(verb.others)) + ".\n";
    if (!verb.syntax.flags.empty()) text += ".SH OPTIONS\n" + roff_flags(verb.syntax.flags);
    text += ".SH EVERYWHERE\n" + roff_flags(global_flags());
    if (!verb.syntax.missing.empty()) text += ".SH DOCKER'S FLAGS THAT CRANK DOES NOT HAVE\n";
    for (const MissingFlag& flag : verb.syntax.missing)
        text += ".TP\n.B " + roff("--" + std::string(flag.name)) + "\n" + roff(flag.instead) + "\n";
    if (!verb.examples.empty()) {
        text += ".SH EXAMPLES\n.nf\n";
        for (std::string_view example : verb.examples) text += roff(example) + "\n";
        text += ".fi\n";
    }
    return text + ".SH SEE ALSO\n.BR crank (1)\n";
}

std::string man_index() {
    std::string text = roff_title("crank") + "builds, runs and deploys workers\n";
    text += ".SH SYNOPSIS\n.B crank [FLAGS] COMMAND\n";
    for (Group group : {Group::containers, Group::images, Group::machine}) {
        std::string title(heading(group));
        for (char& c : title)
            if (c >= 'a' && c <= 'z') c -= 'a' - 'A';
        text += ".SH " + title + "\n";
        for (const Verb* verb : verbs())
            if (verb->group == group && is_for_people(*verb))
                text += ".TP\n.BR " + roff("crank-" + dashed(verb->name)) + " (1)\n" +
                        roff(verb->summary) + "\n";
    }
    return text + ".SH OPTIONS\n" + roff_flags(global_flags());
}

// For ./dev docs and the installation.
constinit const Verb kManual = {
    .name = "__manual",
    .group = Group::machine,
    .syntax = {.min_words = 2, .max_words = 2, .arguments = "markdown|man DIR"},
    .perform = perform,
};

}  // namespace crank::cli
