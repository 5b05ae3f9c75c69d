#include "compose/schema.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "base/text.h"
#include "compose/test_files.h"

namespace crank::compose {
namespace {

std::string document() {
    std::ifstream file(std::string(CRANK_SOURCE_DIR) + "/docs/compose.md");
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string row(const ListedField& listed) {
    std::string_view comes = listed.support == Support::warned ? "warned"
                             : listed.support == Support::read ? "read"
                                                               : "used";
    return "| `" + listed.path + "` | " + std::string(comes) + " |";
}

TEST(ComposeSchema, EveryFieldIsInTheDocumentWithWhatComesOfIt) {
    std::string text = document();
    std::set<std::string> expected;
    for (const ListedField& listed : all_fields()) {
        EXPECT_TRUE(text.contains(row(listed))) << row(listed);
        expected.insert(listed.path);
    }
    // And none that crank does not know.
    std::string fields = text.substr(text.find("## Every field"));
    for (const std::string& line : split(fields, '\n')) {
        if (!line.starts_with("| `")) continue;
        std::string path = line.substr(3, line.find('`', 3) - 3);
        EXPECT_TRUE(expected.contains(path)) << line;
    }
}

bool is_scalar_shape(Shape shape) {
    switch (shape) {
        case Shape::text:
        case Shape::integer:
        case Shape::number:
        case Shape::boolean:
        case Shape::bytes:
        case Shape::duration:
        case Shape::mode:
        case Shape::count:
        case Shape::word: return true;
        default: return false;
    }
}

// "services.NAME.ports[].target" around the value, in YAML's flow style.
std::string nested(const std::string& path, const std::string& value) {
    std::string open, close;
    for (std::string part : split(path, '.')) {
        bool list = part.ends_with("[]");
        if (list) part.resize(part.size() - 2);
        open += "{" + (part == "NAME" ? "n" : part) + ": " + (list ? "[" : "");
        close.insert(0, std::string(list ? "]" : "") + "}");
    }
    return open + value + close;
}

// As errors write it.
std::string in_errors(std::string path) {
    for (std::size_t at = 0; (at = path.find("NAME", at)) != std::string::npos;)
        path.replace(at, 4, "n");
    for (std::size_t at = 0; (at = path.find("[]", at)) != std::string::npos;)
        path.replace(at, 2, "[0]");
    return path;
}

TEST(ComposeSchema, EveryFieldRefusesAnotherTypeWithItsPlace) {
    for (const ListedField& listed : all_fields()) {
        Shape shape = listed.field->shape;
        std::string wrong = is_scalar_shape(shape) || shape == Shape::flag_or ? "[[]]" : "5";
        MemoryFiles files;
        files.texts["/p/compose.yaml"] = nested(listed.path, wrong);
        Diagnostics diagnostics;
        auto project = load({.files = {"/p/compose.yaml"}, .directory = "/p"}, files, diagnostics);
        ASSERT_FALSE(project) << listed.path;
        std::string text = project.error().text();
        EXPECT_TRUE(text.starts_with("compose.yaml:1:")) << text;
        EXPECT_TRUE(text.contains(" " + in_errors(listed.path) + ": must be ") ||
                    text.contains(" " + in_errors(listed.path) + "[0]: "))
            << listed.path << ": " << text;
    }
}

TEST(ComposeSchema, EveryObjectRefusesAFieldThatItDoesNotHave) {
    for (const ListedField& listed : all_fields()) {
        if (listed.field->of == nullptr) continue;
        bool names = listed.field->shape == Shape::named || listed.field->shape == Shape::number_or;
        std::string path = listed.path + (names ? ".NAME" : "") +
                           (listed.field->shape == Shape::objects ? "[]" : "");
        MemoryFiles files;
        files.texts["/p/compose.yaml"] = nested(path, "{zzzzz: 1}");
        Diagnostics diagnostics;
        auto project = load({.files = {"/p/compose.yaml"}, .directory = "/p"}, files, diagnostics);
        ASSERT_FALSE(project) << path;
        EXPECT_TRUE(project.error().text().contains(in_errors(path) + ".zzzzz: unknown field"))
            << project.error().text();
    }
}

}  // namespace
}  // namespace crank::compose
