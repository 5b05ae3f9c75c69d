// What BuildKit's own data says of syntax, expansion and words (testdata/buildkit/README.md).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/text.h"
#include "dockerfile/ast.h"
#include "dockerfile/expand.h"
#include "dockerfile/unicode.h"

namespace crank::dockerfile {
namespace {

namespace fs = std::filesystem;

const fs::path kData = fs::path(CRANK_SOURCE_DIR) / "src/dockerfile/testdata/buildkit";

std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// As Go's %q writes it.
std::string go_quoted(std::string_view text) {
    constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\\\"", kLetters = "abfnrtv\\\"";
    std::string out = "\"";
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (std::size_t at = kEscaped.find(c); at != std::string_view::npos) {
            (out += '\\') += kLetters[at];
        } else if (byte < 0x20 || byte == 0x7f) {
            constexpr std::string_view kDigits = "0123456789abcdef";
            ((out += "\\x") += kDigits[byte >> 4]) += kDigits[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

// The nodes of ENV and LABEL are name, value and what stood between them.
std::vector<std::string> nodes_of_pairs(const Node& node) {
    if (node.legacy_pair) return {node.args[0], node.args[1], ""};
    std::vector<std::string> nodes;
    for (const std::string& pair : node.args) {
        std::size_t at = pair.find('=');
        nodes.insert(nodes.end(), {pair.substr(0, at), pair.substr(at + 1), "="});
    }
    return nodes;
}

std::string dump(const Node& node) {
    std::string out = "(" + to_lower(node.keyword);
    for (std::size_t i = 0; i < node.flags.size(); ++i)
        out += (i == 0 ? " [" : " ") + go_quoted(node.flags[i]);
    if (!node.flags.empty()) out += ']';
    bool pairs = node.keyword == "ENV" || node.keyword == "LABEL";
    if (node.keyword == "ONBUILD")
        out += " " + dump(parse_node(node.rest, node.escape).value());
    else
        for (const std::string& word : pairs ? nodes_of_pairs(node) : node.args)
            out += " " + go_quoted(word);
    return out + ")";
}

TEST(BuildKitData, SyntaxTrees) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(kData / "trees")) {
        SCOPED_TRACE(entry.path().filename().string());
        auto ast = parse_ast(read(entry.path() / "Dockerfile"), "Dockerfile");
        ASSERT_TRUE(ast.has_value()) << ast.error().text();
        std::string dumped;
        for (const Node& node : ast->nodes) dumped += dump(node) + "\n";
        EXPECT_EQ(dumped, read(entry.path() / "result"));
        ++count;
    }
    EXPECT_EQ(count, 33);
}

TEST(BuildKitData, WhatItRefuses) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(kData / "refused")) {
        EXPECT_FALSE(parse_ast(read(entry.path() / "Dockerfile"), "Dockerfile").has_value())
            << entry.path();
        ++count;
    }
    EXPECT_EQ(count, 4);
}

TEST(BuildKitData, Expansion) {
    Environment env;
    env.set("PWD", "/home");
    env.set("SHELL", "bash");
    env.set("KOREAN", "한국어");
    env.set("NULL", "");
    int count = 0;
    for (const std::string& line : split(read(kData / "expansion"), '\n')) {
        // W: on Windows alone
        if (line.empty() || line[0] == '#' || line[0] == 'W') continue;
        std::size_t first = line.find('|'), second = line.find('|', first + 1);
        ASSERT_NE(second, std::string::npos) << line;
        std::string_view text = trim_space(std::string_view(line).substr(0, second));
        std::string_view wanted = trim_space(std::string_view(line).substr(second + 1));
        text = trim_space(text.substr(first + 1));
        auto result = expand_word(text, env);
        EXPECT_EQ(result.value_or("error"), wanted) << line;
        if (wanted == "error") {
            EXPECT_FALSE(result.has_value()) << line;
        }
        ++count;
    }
    EXPECT_EQ(count, 228);
}

TEST(BuildKitData, Words) {
    Environment env;
    int count = 0;
    for (const std::string& line : split(read(kData / "words"), '\n')) {
        if (line.empty() || line[0] == '#') continue;
        if (line.starts_with("ENV ")) {
            std::string_view pair = std::string_view(line).substr(4);
            std::size_t at = pair.find('=');
            env.set(std::string(pair.substr(0, at)), std::string(pair.substr(at + 1)));
            continue;
        }
        std::size_t bar = line.find('|');
        ASSERT_NE(bar, std::string::npos) << line;
        std::string_view wanted = std::string_view(line).substr(bar + 1);
        wanted.remove_prefix(wanted.find_first_not_of(' '));
        auto result = expand_words(trim_space(std::string_view(line).substr(0, bar)), env);
        EXPECT_EQ(result ? join(*result, ",") : "error", wanted) << line;
        ++count;
    }
    EXPECT_EQ(count, 24);
}

}  // namespace
}  // namespace crank::dockerfile
