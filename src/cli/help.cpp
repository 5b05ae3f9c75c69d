#include <string>

#include "cli/verb.h"

namespace crank::cli {
namespace {

std::string spelling(const Flag& flag) {
    std::string text = "  ";
    text += flag.letter != 0 ? std::string("-") + flag.letter + ", " : "    ";
    return text + spelled_with_value(flag);
}

std::string flag_lines(std::span<const Flag> flags) {
    constexpr std::size_t kHelpColumn = 32;
    std::string text;
    for (const Flag& flag : flags) {
        if (flag.help.empty()) continue;
        std::string line = spelling(flag);
        if (line.size() + 2 > kHelpColumn)
            line += "\n" + std::string(kHelpColumn, ' ');
        else
            line.append(kHelpColumn - line.size(), ' ');
        text += line + std::string(flag.help) + "\n";
    }
    return text;
}

}  // namespace

std::string_view heading(Group group) {
    switch (group) {
        case Group::containers: return "Containers";
        case Group::images: return "Images";
        case Group::machine: return "This machine";
    }
    return "";
}

std::string capital(std::string_view text) {
    std::string out(text);
    if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] -= 'a' - 'A';
    return out;
}

std::string help_text(const Verb& verb) {
    std::string text = "Usage: crank " + std::string(verb.name);
    if (!verb.syntax.flags.empty()) text += " [FLAGS]";
    if (!verb.syntax.arguments.empty()) text += " " + std::string(verb.syntax.arguments);
    text += "\n\n" + capital(verb.summary) + ".\n";
    if (!verb.others.empty()) text += capital(verb.others) + ".\n";
    if (!verb.syntax.flags.empty()) text += "\nFlags:\n" + flag_lines(verb.syntax.flags);
    text += "\nEverywhere:\n" + flag_lines(global_flags());
    if (!verb.examples.empty()) text += "\nExamples:\n";
    for (std::string_view example : verb.examples) text += "  " + std::string(example) + "\n";
    return text;
}

std::string overview_text() {
    std::string text = "Usage: crank [FLAGS] COMMAND\n\nBuilds, runs and deploys workers.\n";
    for (Group group : {Group::containers, Group::images, Group::machine}) {
        text += "\n" + std::string(heading(group)) + ":\n";
        for (const Verb* verb : verbs()) {
            if (verb->group != group || verb->summary.empty()) continue;
            std::string line = "  " + std::string(verb->name);
            line.append(line.size() < 20 ? 20 - line.size() : 1, ' ');
            text += line + std::string(verb->summary) + "\n";
        }
    }
    return text + "\nFlags:\n" + flag_lines(global_flags()) +
           "      --version                 print the version\n"
           "\ncrank COMMAND --help says more about one of them.\n";
}

}  // namespace crank::cli
