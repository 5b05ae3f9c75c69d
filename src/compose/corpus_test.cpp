// Other people's compose files, and what docker compose makes of them (testdata/corpus/README.md).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "compose/test_files.h"
#include "compose/write.h"

namespace crank::compose {
namespace {

namespace fs = std::filesystem;

fs::path corpus() { return fs::path(CRANK_SOURCE_DIR) / "src/compose/testdata/corpus"; }

std::string text_of(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

// "==== NAME", then "---- PART" each with its lines.
struct Case {
    std::string name;
    std::map<std::string, std::string> parts;

    std::vector<std::string> words(const std::string& part) const {
        std::vector<std::string> words;
        auto found = parts.find(part);
        std::istringstream text(found == parts.end() ? "" : found->second);
        for (std::string word; text >> word;) words.push_back(word);
        return words;
    }
};

std::vector<Case> cases_of(const fs::path& path) {
    std::vector<Case> cases;
    std::istringstream text(text_of(path));
    std::string* part = nullptr;
    for (std::string line; std::getline(text, line);) {
        if (line.starts_with("==== "))
            cases.push_back({.name = line.substr(5), .parts = {}});
        else if (line.starts_with("---- "))
            part = &cases.back().parts[line.substr(5)];
        else
            *part += line + "\n";
    }
    return cases;
}

Result<Project> read(const Case& one) {
    MemoryFiles files;
    LoadOptions options{
        .directory = "/project",
        .profiles = one.words("profiles"),
        .environment = {{"HOME", "/home/worker"}, {"PATH", "/usr/bin:/bin"}, {"PWD", "/project"}},
        .home = "/home/worker"};
    for (const std::string& name : one.words("order")) options.files.push_back("/project/" + name);
    // As the command finds it: the first file's.
    options.directory = fs::path(options.files[0]).parent_path().string();
    for (const std::string& given : one.words("environment"))
        options.environment[given.substr(0, given.find('='))] = given.substr(given.find('=') + 1);
    for (const auto& [part, text] : one.parts)
        if (part.starts_with("file ")) files.texts["/project/" + part.substr(5)] = text;
    Diagnostics diagnostics;
    return load(options, files, diagnostics);
}

// What is different, or nothing.
std::string difference(const Case& one) {
    auto project = read(one);
    auto answer = one.parts.find("answer");
    if (answer == one.parts.end())
        return project ? "docker compose refuses it: " + one.parts.at("error") : "";
    if (!project) return "refused: " + project.error().text();
    auto wanted = nlohmann::json::parse(answer->second);
    auto got = nlohmann::json::parse(to_json(printable(*project, Format::json), Dollars::doubled));
    return got == wanted ? "" : nlohmann::json::diff(wanted, got).dump();
}

// Of differences.txt: the case's name, and its reason as docs/compose.md has it.
std::map<std::string, std::string> known_differences() {
    std::map<std::string, std::string> known;
    for (const std::string& line : split(text_of(corpus() / "differences.txt"), '\n')) {
        std::size_t bar = line.find(" | ");
        if (bar != std::string::npos) known[line.substr(0, bar)] = line.substr(bar + 3);
    }
    return known;
}

class ComposeCorpus : public testing::TestWithParam<std::string> {};

TEST_P(ComposeCorpus, IsResolvedAsDockerComposeDoesOrTheDifferenceIsWrittenDown) {
    auto known = known_differences();
    std::size_t equal = 0;
    for (const Case& one : cases_of(corpus() / (GetParam() + ".txt"))) {
        std::string found = difference(one);
        if (found.empty()) equal++;
        if (known.contains(one.name))
            EXPECT_NE(found, "") << one.name << " is in differences.txt, and is equal";
        else
            EXPECT_EQ(found, "") << one.name;
    }
    EXPECT_GT(equal, 30U);
}

TEST(ComposeCorpusDifferences, EachStandsInTheDocument) {
    std::string document = text_of(fs::path(CRANK_SOURCE_DIR) / "docs/compose.md");
    auto known = known_differences();
    EXPECT_FALSE(known.empty());
    for (const auto& [name, reason] : known)
        EXPECT_TRUE(document.contains("- " + reason)) << name << ": " << reason;
}

INSTANTIATE_TEST_SUITE_P(All, ComposeCorpus,
                         testing::Values("specification", "compose-go", "kompose", "docker-compose",
                                         "awesome-compose", "projects"),
                         [](const auto& test) {
                             std::string name = test.param;
                             std::erase(name, '-');
                             return name;
                         });

}  // namespace
}  // namespace crank::compose
