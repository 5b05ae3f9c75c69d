#include "cli/manual.h"

#include <gtest/gtest.h>

#include <set>

namespace crank::cli {
namespace {

const Verb& verb(std::string_view name) {
    for (const Verb* verb : verbs())
        if (verb->name == name) return *verb;
    ADD_FAILURE() << "no verb " << name;
    return *verbs().front();
}

TEST(Manual, APageHasWhatTheTableHas) {
    std::string page = markdown_page(verb("cp"));
    EXPECT_TRUE(page.starts_with(
        "# crank cp\n\nCopy files into a container, out of it, or from one to another.\n"));
    EXPECT_NE(page.find("| `-a, --archive` | "), std::string::npos);
    EXPECT_NE(page.find("Also `crank container cp`."), std::string::npos);
    EXPECT_NE(page.find("crank cp models/. mail:/models\n"), std::string::npos);
    // A bar in a cell would end it.
    EXPECT_NE(markdown_page(verb("inspect")).find("container\\|image"), std::string::npos);
}

TEST(Manual, EveryVerbHasAPageOfItsOwnAndALineInTheIndex) {
    std::set<std::string> names;
    std::string index = markdown_index(), man = man_index();
    for (const Verb* verb : verbs()) {
        EXPECT_TRUE(names.insert(page_name(*verb)).second) << verb->name;
        if (verb->summary.empty()) continue;
        EXPECT_NE(index.find("(" + page_name(*verb) + ")"), std::string::npos) << verb->name;
        EXPECT_FALSE(verb->examples.empty()) << verb->name;
    }
}

TEST(Manual, WhatCrankLacksOfDockersNamesTheNearestThing) {
    for (const Verb* verb : verbs())
        for (const MissingFlag& flag : verb->syntax.missing) {
            EXPECT_FALSE(flag.instead.empty()) << verb->name << " --" << flag.name;
            for (const Flag& taken : verb->syntax.flags)
                EXPECT_NE(taken.name, flag.name) << verb->name << " has it";
        }
    std::string page = markdown_page(verb("run"));
    EXPECT_NE(page.find("| `--cpu-quota` | --cpus=NUMBER |"), std::string::npos);
}

TEST(Manual, WhatManWouldTakeForACommandIsEscaped) {
    std::string page = man_page(verb("completion"));
    EXPECT_NE(page.find("\nsource <(crank completion bash)\n"), std::string::npos);
    EXPECT_NE(page.find("crank\\-completion"), std::string::npos);
    for (const Verb* verb : verbs()) {
        if (verb->summary.empty()) continue;
        std::string text = man_page(*verb);
        // Commands of man(7) alone begin with a dot.
        for (std::size_t at = text.find("\n."); at != std::string::npos;
             at = text.find("\n.", at + 1))
            EXPECT_NE(std::string_view("STBnf").find(text[at + 2]), std::string_view::npos)
                << verb->name << ": " << text.substr(at, 20);
    }
}

}  // namespace
}  // namespace crank::cli
