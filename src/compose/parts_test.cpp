// Parts of projects: services that are selected, variables, words of commands, values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compose/select.h"
#include "compose/short_forms.h"
#include "compose/test_files.h"
#include "compose/write.h"

namespace crank::compose {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Loaded {
    Result<Project> project;
    std::vector<std::string> warnings;
};

Loaded loaded(MemoryFiles files, std::vector<std::string> profiles = {}) {
    Diagnostics diagnostics;
    auto project = load({.files = {"/p/compose.yaml"}, .directory = "/p", .profiles = profiles},
                        files, diagnostics);
    return {std::move(project), diagnostics.warnings()};
}
Loaded loaded(std::string text) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] = std::move(text);
    return loaded(std::move(files));
}
std::string error_of(std::string text) {
    auto project = loaded(std::move(text)).project;
    return project ? "none" : project.error().text();
}
std::string service_error(const std::string& fields) {
    return error_of("services:\n  a:\n    image: i\n    " + fields + "\n");
}
std::vector<std::string> keys(const Node* map) {
    std::vector<std::string> keys;
    if (map != nullptr)
        for (const Field& field : map->fields) keys.push_back(field.key);
    return keys;
}

TEST(ComposeErrors, AFieldWithoutAValueIsOne) {
    EXPECT_EQ(service_error("ports:"), "compose.yaml:4:5: services.a.ports: has no value");
    EXPECT_EQ(service_error("healthcheck: {retries: }"),
              "compose.yaml:4:19: services.a.healthcheck.retries: has no value");
    EXPECT_EQ(error_of("services: {a: }"), "compose.yaml:1:12: services.a: has no value");
    EXPECT_EQ(service_error("depends_on: {b: }\n  b: {image: b}"),
              "compose.yaml:4:18: services.a.depends_on.b: has no value");
    EXPECT_EQ(service_error("gpus: [null]"), "compose.yaml:4:12: services.a.gpus[0]: has no value");
    EXPECT_EQ(service_error("build: {additional_contexts: [one]}"),
              "compose.yaml:4:35: services.a.build.additional_contexts.one: has no value");
    EXPECT_EQ(error_of("services: {a: {image: a}}\nvolumes: {v: {driver_opts: {type: }}}"),
              "compose.yaml:2:29: volumes.v.driver_opts.type: has no value");
    EXPECT_EQ(service_error("command:\n    deploy:\n    environment: {A: }\n    networks: {n: }\n"
                            "networks: {n: }"),
              "none");
}

TEST(ComposeErrors, ValuesOutsideTheirBoundsAreNamed) {
    EXPECT_EQ(service_error("healthcheck: {retries: -1}"),
              "compose.yaml:4:28: services.a.healthcheck.retries: must be 0 or more, not -1");
    EXPECT_EQ(service_error("volumes: [{type: tmpfs, target: /t, tmpfs: {size: -1}}]"),
              "compose.yaml:4:55: services.a.volumes[0].tmpfs.size: must be 0 or more, not -1");
    EXPECT_THAT(service_error("pull_policy: sometimes"),
                HasSubstr("services.a.pull_policy: must be one of always, never,"));
    EXPECT_EQ(service_error("pull_policy: every_12h"), "none");
    EXPECT_THAT(service_error("pull_policy: every_h"), HasSubstr("not 'every_h'"));
    EXPECT_THAT(service_error("container_name: ''"),
                HasSubstr("services.a.container_name: must be a name of two or more letters"));
    EXPECT_THAT(service_error("container_name: a/b"), HasSubstr("not 'a/b'"));
    EXPECT_THAT(service_error("extra_hosts: {h: {}}"), HasSubstr("wants an address or a list"));
    EXPECT_THAT(service_error("ports: [{target: 80, host_ip: ''}]"),
                HasSubstr("'' is no IP address"));
    EXPECT_THAT(service_error("shm_size: 1.5"), HasSubstr("must be a size such as 64m"));
}

TEST(ComposeErrors, TwoContainersOfOneNameAreNamed) {
    EXPECT_EQ(error_of("services:\n  a: {image: i, container_name: one}\n"
                       "  b: {image: i, container_name: one}\n"),
              "compose.yaml:3:33: services.b.container_name: 'one' is also the name of services.a");
}

TEST(ComposeErrors, AWatchWantsATarget) {
    EXPECT_THAT(service_error("develop: {watch: [{path: ., action: sync}]}"),
                HasSubstr("services.a.develop.watch: the action sync wants a target"));
    EXPECT_EQ(service_error("develop: {watch: [{path: ., action: rebuild}]}"), "none");
    EXPECT_THAT(service_error("develop: {watch: [{path: ., action: sync+exec, target: /a}]}"),
                HasSubstr("services.a.develop.watch: the action sync+exec wants exec.command"));
    EXPECT_THAT(service_error("develop: {watch: [{path: ., action: copy}]}"),
                HasSubstr("services.a.develop.watch[0].action: must be one of rebuild, sync,"));
}

TEST(ComposeErrors, ASecretWantsASourceThatIsHere) {
    EXPECT_THAT(service_error("secrets: [s]\nsecrets: {s: {driver: d}}"),
                HasSubstr("compose.yaml:5:11: secrets.s: wants one of file, environment"));
}

TEST(ComposeProject, WhatIsIncludedFirstCountsMoreAndTheFileItselfMost) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] =
        "include: [one.yaml, two.yaml]\nservices: {a: {image: own}, b: {environment: !override "
        "{C: c}}}\n";
    files.texts["/p/one.yaml"] =
        "services: {a: {image: one, user: one}, b: {image: one, environment: {A: a}}}\n";
    files.texts["/p/two.yaml"] = "services: {a: {image: two, user: two, hostname: two}}\n";
    auto project = loaded(files).project;
    ASSERT_TRUE(project) << project.error().text();
    const Node& services = *project->model.find("services");
    EXPECT_EQ(services.find("a")->text_of("image"), "own");
    EXPECT_EQ(services.find("a")->text_of("user"), "one");
    EXPECT_EQ(services.find("a")->text_of("hostname"), "two");
    EXPECT_THAT(keys(services.find("b")->find("environment")), ElementsAre("C"));
}

TEST(ComposeProject, AResetHoldsBelowAServiceThatIsExtendedFromElsewhere) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] =
        "services: {a: {extends: {file: other.yaml, service: base}}}\n";
    files.texts["/p/other.yaml"] =
        "services:\n  first: {image: i, command: sleep 1}\n"
        "  base: {extends: first, command: !reset null}\n  empty:\n";
    auto project = loaded(files).project;
    ASSERT_TRUE(project) << project.error().text();
    EXPECT_EQ(project->model.find("services")->find("a")->find("command"), nullptr);
    files.texts["/p/compose.yaml"] =
        "services: {a: {image: i, extends: {file: other.yaml, service: empty}}}\n";
    EXPECT_EQ(loaded(files).project.error().text(),
              "compose.yaml:1:35: services.a.extends: no service 'empty' in other.yaml");
}

TEST(ComposeProject, AProfileWithoutANameIsInForceWhereNoneIs) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] = "services: {a: {image: i, profiles: ['${UNSET}']}}\n";
    EXPECT_THAT(keys(loaded(files).project->model.find("services")), ElementsAre("a"));
    EXPECT_THAT(keys(loaded(files, {"x"}).project->model.find("services")), IsEmpty());
}

TEST(ComposeProject, ServicesAreSelectedWithWhatTheyNeed) {
    auto project = loaded(
                       "services:\n  a: {image: i, depends_on: [b], volumes: ['v:/v']}\n"
                       "  b: {image: i, networks: [n]}\n  c: {image: i, volumes: ['w:/w']}\n"
                       "networks: {n: {}}\nvolumes: {v: {}, w: {}}\n")
                       .project;
    ASSERT_TRUE(project);
    ASSERT_TRUE(select_services(*project, {"a"}));
    EXPECT_THAT(keys(project->model.find("services")), ElementsAre("a", "b"));
    EXPECT_THAT(keys(project->model.find("volumes")), ElementsAre("v"));
    EXPECT_THAT(keys(&project->disabled), ElementsAre("c"));
    auto wrong = select_services(*project, {"bb"});
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().text(), "no such service: bb");
    EXPECT_EQ(wrong.error().hint(), "did you mean b?");
}

TEST(ComposeProject, VariablesAreFoundWithTheirDefaults) {
    VariablesByName found;
    collect_variables(
        Node::of_text("$A ${B:-b ${C?why}} ${D+d} $$E $${F} ${A:?no} ${G:-1}${G:-2} ${:x} ${"),
        found);
    std::vector<std::string> lines;
    for (const auto& [name, variable] : found)
        lines.push_back(name + (variable.required ? "!" : "") + "|" + variable.otherwise + "|" +
                        variable.alternate);
    EXPECT_THAT(lines, ElementsAre("A!||", "B|b ${C?why}|", "C!||", "D||d", "G|1|"));
}

std::string words_of(std::string_view text) {
    auto found = shell_words(text);
    if (!found) return found.error().message();
    std::string all;
    for (const std::string& word : found->words) all += "[" + word + "]";
    return all + std::string(found->rest);
}

TEST(ComposeCommand, IsSplitAsDockerDoes) {
    EXPECT_EQ(words_of(" a  'b c'\t\"d 'e'\" f\\ g h''i '' "), "[a][b c][d 'e'][f g][hi][]");
    EXPECT_EQ(words_of("a\\tb 'c\\d' \"e\\\"f\""), "[a\tb][c\\d][e\"f]");
    EXPECT_EQ(words_of("a $(b \"c\") `d e`f $x"), "[a][$(b \"c\")][`d e`f][$x]");
    EXPECT_EQ(words_of("a && b"), "[a]&& b");
    EXPECT_EQ(words_of("a 2>&1"), "[a]2>&1");
    EXPECT_EQ(words_of("a b2> f"), "[a][b2]> f");
    EXPECT_EQ(words_of("a '2'>f"), "[a][2]>f");
    EXPECT_EQ(words_of("a;b"), "[a];b");
    EXPECT_EQ(words_of("a '&&' \"|\" \\;"), "[a][&&][|][;]");
    EXPECT_EQ(words_of("a (b)"), "'(' is a shell's: write [sh, -c, ...]");
    EXPECT_EQ(words_of("a b)"), "')' is a shell's: write [sh, -c, ...]");
    EXPECT_EQ(words_of("a \"b"), "the quote \" does not end");
    EXPECT_EQ(words_of("a \\"), "ends with a backslash");
}

TEST(ComposeCommand, WhatIsLeftOutIsAWarning) {
    Loaded all = loaded("services: {a: {image: i, command: kong up && kong finish}}");
    ASSERT_TRUE(all.project);
    EXPECT_THAT(all.warnings,
                ElementsAre("compose.yaml:1:35: services.a.command: '&& kong finish' is left out, "
                            "as Docker does: no shell reads a command; write [sh, -c, ...]"));
}

}  // namespace
}  // namespace crank::compose
