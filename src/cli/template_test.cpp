#include "cli/template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/format.h"

namespace crank::cli {
namespace {

using Json = nlohmann::ordered_json;

const Json kValue = Json::parse(R"({
    "Name": "/quiet_crane", "State": {"Status": "running", "Pid": 7, "OOMKilled": false},
    "Args": ["a", "b c"], "Config": {"Labels": {"a.b": "1", "c": "2"}, "Tty": true},
    "Mounts": [{"Source": "/x"}, {"Source": "/y"}], "Nothing": null, "Empty": []})");

std::string expand(std::string_view text) {
    auto result = expand_template(text, kValue);
    return result ? *result : "error: " + result.error().text();
}

TEST(Template, Fields) {
    EXPECT_EQ(expand("a {{.Name}} b"), "a /quiet_crane b");
    EXPECT_EQ(expand("{{ .State.Status }}{{.State.Pid}}"), "running7");
    EXPECT_EQ(expand("{{.Args}} {{.Config.Labels}} {{.Nothing}} {{.State.OOMKilled}}"),
              "[a b c] map[a.b:1 c:2] <no value> false");
}

TEST(Template, Functions) {
    EXPECT_EQ(expand("{{json .Args}}"), R"(["a","b c"])");
    EXPECT_EQ(expand("{{index .Config.Labels \"a.b\"}}{{index .Args 1}}"), "1b c");
    EXPECT_EQ(expand("{{index .Config.Labels \"absent\"}}"), "");
    EXPECT_EQ(expand("{{join .Args \", \"}}"), "a, b c");
    EXPECT_EQ(expand("{{upper .State.Status}} {{len .Mounts}}"), "RUNNING 2");
    EXPECT_EQ(expand("{{.Args | json}}"), R"(["a","b c"])");
    EXPECT_EQ(expand("{{(index .Mounts 1).Source}}"), "/y");
    EXPECT_EQ(expand("{{json (index (index .Mounts 0) \"Source\")}}"), "\"/x\"");
}

TEST(Template, Blocks) {
    EXPECT_EQ(expand("{{range .Mounts}}{{.Source}};{{end}}"), "/x;/y;");
    EXPECT_EQ(expand("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}"), "a.b=1 c=2 ");
    EXPECT_EQ(expand("{{range $i, $v := .Args}}{{$i}}{{$v}}{{end}}"), "0a1b c");
    EXPECT_EQ(expand("{{range .Empty}}x{{else}}none{{end}}"), "none");
    EXPECT_EQ(expand("{{if .Config.Tty}}tty{{else}}none{{end}}"), "tty");
    EXPECT_EQ(expand("{{if eq .State.Status \"exited\"}}a{{else}}b{{end}}"), "b");
    EXPECT_EQ(expand("{{if and .Config.Tty (not .Empty)}}a{{end}}"), "a");
    EXPECT_EQ(expand("{{range .Mounts}}{{if .Source}}{{$.Name}}{{end}}{{end}}"),
              "/quiet_crane/quiet_crane");
    EXPECT_EQ(expand("{{with .State}}{{.Pid}}{{end}}"), "7");
}

TEST(Template, BadInput) {
    EXPECT_EQ(expand("{{.Nmae}}"), "error: --format: no field \"Nmae\" in .Nmae");
    EXPECT_EQ(expand_template("{{.Nmae}}", kValue).error().hint(), "did you mean .Name?");
    EXPECT_EQ(expand("{{.Name"), "error: --format: \"{{\" without \"}}\"");
    EXPECT_EQ(expand("{{if .Name}}x"), "error: --format: {{if .Name}} without {{end}}");
    EXPECT_EQ(expand("{{end}}"), "error: --format: {{end}} without a beginning");
    EXPECT_EQ(
        expand("{{frobnicate .Name}}"),
        "error: --format: \"frobnicate\" is neither a field (.Name) nor a function crank has");
    EXPECT_EQ(expand("{{index .Args 9}}"), "error: --format: index 9 is out of range");
    EXPECT_EQ(expand("{{}}"), "error: --format: empty action");
    EXPECT_EQ(expand("{{.Name .Args}}"), "error: --format: one value is wanted between {{ and }}");
    EXPECT_EQ(expand("{{\"x}}"), "error: --format: a quoted text does not end");
}

TEST(Format, ListsAsTableJsonAndTemplates) {
    constexpr Column kColumns[] = {
        {"ID", "CONTAINER ID"}, {"Names", "NAMES"}, {"Size", "SIZE", false}};
    std::vector<Json> rows = {{{"ID", "abc"}, {"Names", "one"}, {"Size", "1B"}},
                              {{"ID", "d"}, {"Names", "two"}, {"Size", "2B"}}};
    EXPECT_EQ(format_list("", kColumns, rows).value(),
              "CONTAINER ID   NAMES\nabc            one\nd              two\n");
    EXPECT_EQ(format_list("json", kColumns, rows).value(),
              "{\"ID\":\"abc\",\"Names\":\"one\",\"Size\":\"1B\"}\n"
              "{\"ID\":\"d\",\"Names\":\"two\",\"Size\":\"2B\"}\n");
    EXPECT_EQ(format_list("{{.ID}}\\t{{.Names}}", kColumns, rows).value(), "abc\tone\nd\ttwo\n");
    EXPECT_EQ(format_list("table {{.Names}}\\t{{.Size}}", kColumns, rows).value(),
              "NAMES   SIZE\none     1B\ntwo     2B\n");
    EXPECT_EQ(format_list("table {{.Size}}", kColumns, {}).value(), "SIZE\n");
}

}  // namespace
}  // namespace crank::cli
