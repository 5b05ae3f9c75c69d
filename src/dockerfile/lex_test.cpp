#include "dockerfile/lex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/words.h"

namespace crank::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<std::vector<LogicalLine>> lines_of(std::string_view text, Lexer* out = nullptr) {
    Lexer lexer = TRY(Lexer::create(text, "Dockerfile"));
    std::vector<LogicalLine> lines;
    while (auto line = TRY(lexer.next())) lines.push_back(*std::move(line));
    if (out != nullptr) *out = std::move(lexer);
    return lines;
}

std::vector<std::string> texts(std::string_view text) {
    std::vector<std::string> out;
    auto lines = lines_of(text).value();
    for (LogicalLine& line : lines) out.push_back(std::move(line.text));
    return out;
}

TEST(Lexer, SkipsCommentsAndBlankLines) {
    EXPECT_THAT(texts("# a\n\n  \t\nFROM a\n   # b\n  RUN x\n"), ElementsAre("FROM a", "RUN x"));
    EXPECT_THAT(texts("FROM a # not a comment"), ElementsAre("FROM a # not a comment"));
}

TEST(Lexer, JoinsContinuedLines) {
    EXPECT_THAT(texts("RUN a \\\n  b\\\nc"), ElementsAre("RUN a   bc"));
    EXPECT_THAT(texts("RUN a \\ \t\n b"), ElementsAre("RUN a  b"));
    EXPECT_THAT(texts("RUN a \\\\\nRUN b"), ElementsAre("RUN a \\\\", "RUN b"));
    EXPECT_THAT(texts("RUN a \\\n# note\n  b"), ElementsAre("RUN a   b"));
    EXPECT_THAT(texts("RUN a \\"), ElementsAre("RUN a "));
    EXPECT_THAT(texts("\\\n\\\nRUN a"), ElementsAre("RUN a"));
    EXPECT_THAT(texts("RUN a \\\r\n b\r\n"), ElementsAre("RUN a  b"));
}

TEST(Lexer, KnowsLineNumbersAndComments) {
    auto lines = lines_of("\n# one\n# two\nRUN a \\\n  b\n\n# far\n\nRUN c\n").value();
    EXPECT_EQ(lines[0].span, (SourceSpan{4, 1, 5}));
    EXPECT_THAT(lines[0].comments, ElementsAre("one", "two"));
    EXPECT_EQ(lines[1].span, (SourceSpan{9, 1, 9}));
    EXPECT_THAT(lines[1].comments, IsEmpty());
}

TEST(Lexer, WarnsOfBlankContinuedLines) {
    Lexer lexer = Lexer::create("", "").value();
    ASSERT_TRUE(lines_of("RUN a \\\n\n b\n", &lexer));
    auto warnings = lexer.take_warnings();
    ASSERT_EQ(warnings.size(), 1U);
    EXPECT_THAT(warnings[0].message(), HasSubstr("Dockerfile:3: blank line"));
}

TEST(Lexer, ReadsDirectives) {
    Lexer lexer = Lexer::create("", "").value();
    ASSERT_TRUE(lines_of("#syntax = docker/dockerfile:1\n# Escape=`\n# check=skip=all\nRUN a `\n b",
                         &lexer));
    EXPECT_EQ(lexer.directives().escape, '`');
    EXPECT_EQ(lexer.directives().syntax, "docker/dockerfile:1");
    EXPECT_EQ(lexer.directives().check, "skip=all");
    // Behind anything else it is a comment.
    for (std::string_view text : {"\n# escape=`\nRUN a", "# x\n# escape=`\nRUN a",
                                  "# other=1\n# escape=`\nRUN a", "RUN a\n# escape=`\n"}) {
        ASSERT_TRUE(lines_of(text, &lexer));
        EXPECT_EQ(lexer.directives().escape, '\\') << text;
    }
}

TEST(Lexer, RefusesBadFiles) {
    EXPECT_THAT(lines_of("# escape=x\n").error().text(), HasSubstr("escape character must be"));
    EXPECT_THAT(lines_of("# escape=`\n# escape=\\\n").error().text(), HasSubstr("given twice"));
    EXPECT_THAT(lines_of(std::string(kMaxFileBytes + 1, 'x')).error().text(), HasSubstr("1 MiB"));
    EXPECT_THAT(lines_of(std::string_view("RUN\n\0", 5)).error().text(), HasSubstr(":2:"));
    EXPECT_THAT(lines_of("\xFE\xFF").error().text(), HasSubstr("UTF-16"));
}

std::vector<std::string> names(std::string_view line) {
    std::vector<std::string> out;
    auto docs = heredocs_of(line).value();
    for (const Heredoc& doc : docs) {
        out.push_back(doc.name + (doc.expand ? "" : "!") + (doc.strip_tabs ? "-" : "") +
                      (doc.fd != 0 ? std::to_string(doc.fd) : ""));
    }
    return out;
}

TEST(Heredoc, FindsThemInALine) {
    EXPECT_THAT(names("RUN <<EOF"), ElementsAre("EOF"));
    EXPECT_THAT(names("RUN cat <<A - 3<<-B"), ElementsAre("A", "B-3"));
    EXPECT_THAT(names("COPY <<'a b' <<\"c\" <<d'e' /x"), ElementsAre("a b!", "c!", "de!"));
    EXPECT_THAT(names("RUN <<a\\'b"), ElementsAre("a'b"));
    EXPECT_THAT(names("RUN <<  EOF > x"), ElementsAre("EOF"));
    EXPECT_THAT(names("RUN <<$EOF"), ElementsAre("$EOF"));
    EXPECT_THAT(names("RUN \"<<EOF\" '<<EOF' <<<text x<<EOF <<"), IsEmpty());
    EXPECT_THAT(names("RUN echo 'open <<EOF"), IsEmpty());
    EXPECT_FALSE(heredocs_of("RUN 99999<<EOF"));
}

TEST(Heredoc, StripsTabsOnly) {
    Heredoc doc{.strip_tabs = true, .content = "\t\ta\tb\n c\n\n\td\n"};
    EXPECT_EQ(doc.text(), "a\tb\n c\n\nd\n");
    doc.strip_tabs = false;
    EXPECT_EQ(doc.text(), doc.content);
}

TEST(Words, SplitsFlags) {
    auto split = split_flags("--a=1 --b='x y' --c=\\\"z -- --not a flag", '\\');
    EXPECT_THAT(split.flags, ElementsAre("--a=1", "--b=x y", "--c=\"z"));
    EXPECT_EQ(split.rest, "--not a flag");
    EXPECT_EQ(split_flags("  - x", '\\').rest, "- x");
    EXPECT_THAT(split_flags("--only", '\\').flags, ElementsAre("--only"));
}

TEST(Words, SplitsQuotedWords) {
    EXPECT_THAT(split_quoted_words("a=1 b=\"x y\" c=z\\ w d='q\\'", '\\'),
                ElementsAre("a=1", "b=\"x y\"", "c=z\\ w", "d='q\\'"));
    EXPECT_THAT(split_quoted_words("a\\", '\\'), ElementsAre("a"));
    EXPECT_THAT(split_quoted_words("  ", '\\'), IsEmpty());
}

TEST(Words, ReadsJsonArrays) {
    using Kind = JsonArray::Kind;
    auto array = parse_json_array(R"( ["a", "b\n\"\\\/\u00e9\ud83d\ude00\ud800", ""] )");
    EXPECT_EQ(array.kind, Kind::strings);
    EXPECT_THAT(array.words, ElementsAre("a", "b\n\"\\/é😀\xEF\xBF\xBD", ""));
    EXPECT_EQ(parse_json_array("[]").kind, Kind::strings);
    for (const char* text : {"[1]", "[\"a\", null]", "[[\"a\"]]", "[{\"a\": [true, -1.5e+3]}]"})
        EXPECT_EQ(parse_json_array(text).kind, Kind::other) << text;
    for (const char* text : {"", "a", "[", "[\"a\"", "[\"a\",]", "[,]", "['a']", "[\"a\" \"b\"]",
                             "[\"a\"] x", "[\"\\x\"]", "[\"\\u12\"]", "[\"tab\t\"]", "[01]", "[1.]",
                             "[-]", "[tru]", "{\"a\":1}", "[{\"a\"}]", "[ -f x ]"})
        EXPECT_EQ(parse_json_array(text).kind, Kind::not_json) << text;
    EXPECT_EQ(parse_json_array(std::string(100'000, '[')).kind, Kind::not_json);
}

}  // namespace
}  // namespace crank::dockerfile
