#include "compose/yaml.h"

#include <gtest/gtest.h>

namespace crank::compose {
namespace {

Result<std::vector<Node>> parsed(std::string_view text) {
    Diagnostics diagnostics;
    return parse_yaml(text, diagnostics.file("c.yaml"), diagnostics);
}
std::string error_of(std::string_view text) {
    auto nodes = parsed(text);
    return nodes ? "none" : nodes.error().message();
}

TEST(ComposeYaml, AnchorsAndMergeKeysAreFollowedAndPlacesKept) {
    auto nodes = parsed("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\nc:\n  <<: [{q: 4}, *x]\n");
    ASSERT_TRUE(nodes) << nodes.error().message();
    const Node& root = nodes->at(0);
    EXPECT_EQ(root.find("b")->text_of("p"), "1");
    EXPECT_EQ(root.find("b")->text_of("q"), "3");
    EXPECT_EQ(root.find("c")->text_of("q"), "4");
    EXPECT_EQ(root.find("b")->find("q")->at.line, 4U);
    EXPECT_EQ(root.find("b")->find("p")->at.line, 1U);
}

TEST(ComposeYaml, ScalarsAndTags) {
    auto nodes = parsed(
        "a: [yes, true, 0644, 0x10, 1.50, ~, '1', !!str 2]\nb: !reset null\n"
        "c: !override [1]\n---\na: 1\n");
    ASSERT_TRUE(nodes) << nodes.error().message();
    ASSERT_EQ(nodes->size(), 2U);
    const Node& list = *nodes->at(0).find("a");
    EXPECT_TRUE(list.items[0].is_text());
    EXPECT_TRUE(list.items[1].flag);
    EXPECT_EQ(list.items[2].number, 420);
    EXPECT_EQ(list.items[3].number, 16);
    EXPECT_EQ(scalar_text(list.items[4]), "1.5");
    EXPECT_TRUE(list.items[5].is_null());
    EXPECT_TRUE(list.items[6].is_text());
    EXPECT_TRUE(list.items[7].is_text());
    EXPECT_EQ(nodes->at(0).find("b")->tag, Tag::reset);
    EXPECT_EQ(nodes->at(0).find("c")->tag, Tag::replace);
}

TEST(ComposeYaml, FractionsAreWrittenAsShortAsTheyReadBack) {
    auto text = [](double value) { return scalar_text(Node::of_fraction(value, {})); };
    EXPECT_EQ(text(0), "0");
    EXPECT_EQ(text(-0.1), "-0.1");
    EXPECT_EQ(text(1.0 / 3), "0.3333333333333333");
    EXPECT_EQ(text(0.30000000000000004), "0.30000000000000004");
    EXPECT_EQ(text(1500), "1500");
    EXPECT_EQ(text(0.0001), "0.0001");
    EXPECT_EQ(text(0.00001), "1e-05");
    EXPECT_EQ(text(1e20), "100000000000000000000");
    EXPECT_EQ(text(1e21), "1e+21");
    EXPECT_EQ(text(5e-324), "5e-324");
    EXPECT_EQ(text(1.7976931348623157e308), "1.7976931348623157e+308");
}

TEST(ComposeYaml, ErrorsNameThePlace) {
    EXPECT_EQ(error_of("a: 1\nb: 2\na: 3"), "c.yaml:3:1: the key 'a' stands already in line 1");
    EXPECT_EQ(error_of("80: x"), "c.yaml:1:1: a key is a number and not a string: quote '80'");
    EXPECT_EQ(error_of("a: &a [*a]"), "c.yaml:1:8: the alias stands inside what it names");
    EXPECT_EQ(error_of("a: !mine 1"),
              "c.yaml:1:4: the tag '!mine' means nothing here; known are !reset and !override");
    EXPECT_EQ(error_of("<<: 1"), "c.yaml:1:5: a merge key (<<) takes mappings");
    EXPECT_TRUE(error_of("a: [1").starts_with("c.yaml:2:1: not valid YAML") ||
                error_of("a: [1").starts_with("c.yaml:1:"))
        << error_of("a: [1");
    EXPECT_EQ(error_of("a: \xff"), "c.yaml: not UTF-8 text");
}

TEST(ComposeYaml, ABombIsAnErrorAtOnce) {
    std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
    for (char c = 'b'; c < 'k'; c++) {
        bomb += std::string(1, c) + ": &" + c + " [";
        for (int i = 0; i < 9; i++) bomb += std::string(i > 0 ? "," : "") + "*" + char(c - 1);
        bomb += "]\n";
    }
    EXPECT_TRUE(error_of(bomb).ends_with("the file holds more than 100000 values"))
        << error_of(bomb);
    EXPECT_EQ(error_of("a: " + std::string(70, '[') + std::string(70, ']')),
              "c.yaml:1:67: nested deeper than 64 levels");
    EXPECT_EQ(error_of(std::string(kMaxFileBytes + 1, ' ')), "c.yaml: larger than 1 MiB");
}

}  // namespace
}  // namespace crank::compose
