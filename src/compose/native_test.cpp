#include "compose/native.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compose/service.h"
#include "compose/test_files.h"

namespace crank::compose {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Typed {
    Project project;
    Result<TypedProject> types = fail(Code::internal, "not read");
    std::vector<std::string> warnings;

    const Service& a() const { return *types->find("a"); }
    std::string error() const { return types ? "none" : types.error().text(); }
};

// `fields` of a service `a`, from the file's fourth line on.
Typed typed_of(const std::string& fields, const Surroundings& here = {},
               const std::string& rest = "") {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] = "services:\n  a:\n    image: i\n    " + fields + "\n" + rest;
    Diagnostics diagnostics;
    auto project =
        load({.files = {"/p/compose.yaml"}, .directory = "/p", .home = "/h"}, files, diagnostics);
    if (!project) return {.types = fail(std::move(project.error()))};
    Typed result{.project = std::move(*project)};
    result.types = typed(result.project, diagnostics, here);
    result.warnings = diagnostics.warnings();
    return result;
}
std::string native_of(const std::string& options) { return "x-crank: {native: " + options + "}"; }

TEST(ComposeNative, IsReadFromTheWordOrTheOptions) {
    Typed word = typed_of("command: serve\n    " + native_of("true"));
    ASSERT_TRUE(word.types) << word.error();
    ASSERT_NE(word.a().native(), nullptr);
    EXPECT_EQ(word.a().native()->port_variable, "PORT");
    EXPECT_EQ(word.a().placement.why, "x-crank.native");
    EXPECT_EQ(typed_of(native_of("false")).a().native(), nullptr);
    EXPECT_EQ(typed_of(native_of("false")).a().placement.why, "");

    Typed all = typed_of(native_of("{command: ./a -x, directory: src, setup: [make, make test], "
                                   "when: macos, port_variable: "
                                   "LISTEN, own_ports: true, environment: {A: '1', B: }}"),
                         {.system = "macos"});
    ASSERT_TRUE(all.types) << all.error();
    EXPECT_THAT(all.warnings, IsEmpty());
    const NativeOptions& options = *all.a().native();
    EXPECT_THAT(*options.command, ElementsAre("./a", "-x"));
    EXPECT_EQ(options.directory, "/p/src");
    EXPECT_THAT(options.setup, ElementsAre("make", "make test"));
    EXPECT_EQ(options.port_variable, "LISTEN");
    EXPECT_TRUE(options.own_ports);
    EXPECT_EQ(options.environment[0].second, "1");
    EXPECT_EQ(options.environment[1].second, std::nullopt);
}

TEST(ComposeNative, WhereItRunsIsDecidedByTheMachine) {
    auto where = [](std::vector<std::string> when, const Surroundings& here) {
        Placement placement = place(NativeOptions{.when = std::move(when)}, here);
        return std::string(placement.native ? "natively" : "not") + ": " + placement.why;
    };
    Surroundings plain, mac{.system = "macos", .gpus = {"apple"}, .containers = false},
        gpus{.gpus = {"nvidia"}};
    EXPECT_EQ(where({"linux"}, plain), "natively: x-crank.native.when: linux");
    EXPECT_EQ(where({"macos", "nvidia"}, gpus), "natively: x-crank.native.when: nvidia");
    EXPECT_EQ(where({"macos"}, plain), "not: x-crank.native.when: macos; here: linux, no GPU");
    EXPECT_EQ(where({"amd"}, gpus), "not: x-crank.native.when: amd; here: linux, GPU nvidia");
    EXPECT_EQ(where({"gpu"}, gpus), "natively: x-crank.native.when: gpu");
    EXPECT_EQ(where({"gpu"}, plain), "not: x-crank.native.when: gpu; here: linux, no GPU");
    EXPECT_EQ(where({"no-engine"}, mac), "natively: x-crank.native.when: no-engine");
    EXPECT_EQ(where({"no-engine"}, plain),
              "not: x-crank.native.when: no-engine; here: linux, no GPU");
    EXPECT_EQ(where({"intel"}, mac),
              "not: x-crank.native.when: intel; here: macos, GPU apple, no containers");
    EXPECT_EQ(where({"always"}, plain), "natively: x-crank.native.when: always");
    EXPECT_FALSE(place(std::nullopt, plain).native);
    EXPECT_TRUE(is_for_gpu(NativeOptions{.when = {"macos", "gpu"}}));
    EXPECT_TRUE(is_for_gpu(NativeOptions{.when = {"nvidia"}}));
    EXPECT_FALSE(is_for_gpu(NativeOptions{.when = {"linux", "no-engine"}}));
    EXPECT_FALSE(is_for_gpu(NativeOptions{}));
}

TEST(ComposeNative, WhatAProcessCannotHaveIsNamedWithItsPlace) {
    auto warned = [](const std::string& fields) {
        Typed all = typed_of(fields + "\n    " + native_of("{command: x}"));
        EXPECT_TRUE(all.types) << all.error();
        return all.warnings;
    };
    EXPECT_THAT(warned("cap_add: [NET_ADMIN]"),
                ElementsAre("compose.yaml:4:5: services.a.cap_add: a native worker goes without "
                            "(x-crank.native): it has the rights of the one who starts it"));
    for (const char* fields :
         {"cap_drop: [ALL]",
          "devices: [/dev/null]",
          "dns: 1.1.1.1",
          "extra_hosts: [a=1.2.3.4]",
          "gpus: all",
          "group_add: [x]",
          "hostname: h",
          "init: true",
          "privileged: true",
          "read_only: true",
          "security_opt: [label=disable]",
          "shm_size: 1m",
          "tmpfs: /t",
          "user: u",
          "network_mode: bridge",
          "volumes: [/own]",
          "volumes: [./a:/b]",
          "deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}",
          "working_dir: /app\n    build: .",
          "sysctls: {a.b: 1}",
          "runtime: runc"})
        EXPECT_THAT(warned(fields), Contains(HasSubstr("a native worker goes without"))) << fields;
    for (const char* fields :
         {"environment: [A=1]", "restart: always", "mem_limit: 64m", "volumes: [/a:/a]",
          "healthcheck: {test: x}", "stop_grace_period: 2s", "working_dir: /", "privileged: false",
          "network_mode: host", "ports: ['8080:80']", "expose: ['1']", "labels: {a: b}"})
        EXPECT_THAT(warned(fields), IsEmpty()) << fields;
}

TEST(ComposeNative, SecretsAndConfigsThatAreElsewhereThanInAContainerAreWarnedOf) {
    const std::string rest =
        "secrets: {s: {file: f}, t: {file: g}}\nconfigs: {c: {file: h}, d: {file: i}}";
    auto warned = [&](const std::string& fields, const std::string& options = "{command: x}") {
        Typed all = typed_of(fields + "\n    " + native_of(options), {}, rest);
        EXPECT_TRUE(all.types) << all.error();
        return all.warnings;
    };
    EXPECT_THAT(warned("secrets: [s, {source: t, target: other}]"), IsEmpty());
    EXPECT_THAT(warned("configs: [c, {source: d, target: /other}]"), IsEmpty());
    EXPECT_THAT(warned("secrets: [{source: s, target: /etc/app/key.pem}]"),
                ElementsAre("compose.yaml:4:15: services.a.secrets: a native worker goes without "
                            "(x-crank.native): what a container has at /etc/app/key.pem it finds "
                            "at $SECRETS_DIR/key.pem"));
    EXPECT_THAT(warned("configs: [{source: c, target: /etc/app.json}]"),
                ElementsAre(HasSubstr("it finds at $CONFIGS_DIR/app.json")));
    EXPECT_THAT(warned("secrets: [{source: s, mode: 0444}]"),
                ElementsAre(HasSubstr("whatever uid, gid and mode say, $SECRETS_DIR/s is the "
                                      "worker's own")));
    const std::string variable = "secrets: [s]\n    environment: {TOKEN_FILE: /run/secrets/s}";
    EXPECT_THAT(warned(variable),
                ElementsAre(HasSubstr("services.a.environment.TOKEN_FILE: a native worker goes "
                                      "without (x-crank.native): its secrets are not in "
                                      "/run/secrets, but in $SECRETS_DIR")));
    EXPECT_THAT(warned(variable, "{command: x, environment: {TOKEN_FILE: ''}}"), IsEmpty());
}

TEST(ComposeNative, WhatWouldMeanSomethingElseIsAnError) {
    auto error = [](const std::string& fields, const std::string& rest = "",
                    const std::string& options = "{command: x}") {
        return typed_of(fields + "\n    " + native_of(options), {}, rest).error();
    };
    EXPECT_EQ(error("expose: ['1']", "", "true"),
              "compose.yaml:5:23: services.a.x-crank.native: no image says what a native worker "
              "runs: it has no command");
    EXPECT_EQ(error("volumes: [v:/v]", "volumes: {v: }"),
              "compose.yaml:4:15: services.a.volumes: a native worker has no volumes: it would not "
              "find v at /v");
    EXPECT_THAT(
        error("secrets: [s, {source: t, target: /etc/s}]", "secrets: {s: {file: f}, t: {file: g}}"),
        HasSubstr("compose.yaml:4:18: services.a.secrets: two of them would be the one "
                  "file $SECRETS_DIR/s of a native worker"));
    EXPECT_THAT(error("configs: [{source: s, target: /etc/}]", "configs: {s: {file: f}}"),
                HasSubstr("services.a.configs: its target /etc/ names no file"));
    EXPECT_THAT(error("network_mode: none"), HasSubstr("4:5: services.a.network_mode: a native "
                                                       "worker has the host's, not 'none'"));
    EXPECT_THAT(error("pid: service:b", "  b: {image: i}"), HasSubstr("services.a.pid: "));
    EXPECT_THAT(error("volumes_from: [b]", "  b: {image: i}"),
                HasSubstr("services.a.volumes_from: a native worker has no volumes"));
    EXPECT_THAT(error("tty: true"), HasSubstr("gets no terminal"));
    EXPECT_THAT(error("ports: ['8000']"), HasSubstr("TCP ports with one number each"));
    EXPECT_THAT(error("ports: ['53:53/udp']"), HasSubstr("TCP ports with one number each"));
    EXPECT_THAT(error("ports: ['80:80']", "", "{command: x, own_ports: true}"),
                HasSubstr("services.a.ports: the gateway holds port 80, and a native worker with "
                          "own_ports listens on it itself"));
    EXPECT_THAT(error("expose: ['1']", "", "{when: [macos, windows]}"),
                HasSubstr("5:38: services.a.x-crank.native.when: 'windows' is nothing that a "
                          "machine is: always, linux, macos"));
    EXPECT_THAT(error("expose: ['1']", "", "{port_variable: 1X}"),
                HasSubstr("x-crank.native.port_variable: '1X' is no variable's name"));
    // Nothing of that where it runs in a container.
    EXPECT_EQ(error("network_mode: none", "", "{command: x, when: macos}"), "none");
}

TEST(ComposeNative, WithoutAnImageItHasToRunNatively) {
    auto error = [](const std::string& worker) {
        MemoryFiles files;
        files.texts["/p/compose.yaml"] = "services:\n  a:\n    x-crank: {native: " + worker + "}\n";
        Diagnostics diagnostics;
        auto project = load({.files = {"/p/compose.yaml"}, .directory = "/p"}, files, diagnostics);
        if (!project) return project.error().text();
        auto types = typed(*project, diagnostics);
        return types ? "none" : types.error().text();
    };
    EXPECT_EQ(error("{command: x}"), "none");
    EXPECT_EQ(error("{command: x, when: macos}"),
              "compose.yaml:2:3: services.a: has neither an image nor a build context, and does "
              "not run natively here");
}

TEST(ComposeNative, TheIdentityIsOfWhatItIsHere) {
    auto identity_of = [](const std::string& worker) {
        Typed all = typed_of("user: u" + worker);
        EXPECT_TRUE(all.types) << all.error();
        return identity(all.project, *all.types, all.a());
    };
    std::string container = identity_of("");
    EXPECT_EQ(container, identity_of("\n    " + native_of("false")));
    EXPECT_EQ(container, identity_of("\n    " + native_of("{command: x, when: macos}")));
    std::string native = identity_of("\n    " + native_of("{command: x}"));
    EXPECT_NE(container, native);
    EXPECT_EQ(native, identity_of("\n    " + native_of("{command: x, when: linux}")));
    EXPECT_NE(native, identity_of("\n    " + native_of("{command: y}")));
}

}  // namespace
}  // namespace crank::compose
