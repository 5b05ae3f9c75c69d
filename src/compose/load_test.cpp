#include "compose/load.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "compose/schema.h"
#include "compose/test_files.h"
#include "compose/worker.h"
#include "compose/write.h"

namespace crank::compose {
namespace {

struct Loaded {
    Result<Project> project;
    std::vector<std::string> warnings;
};

Loaded loaded(MemoryFiles files, LoadOptions options = {}) {
    if (options.files.empty()) options.files = {"/p/compose.yaml"};
    options.directory = "/p";
    Diagnostics diagnostics;
    auto project = load(options, files, diagnostics);
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
// Of a service "a" with an image and this.
std::string service_error(const std::string& fields) {
    return error_of("services:\n  a:\n    image: i\n    " + fields + "\n");
}

TEST(ComposeErrors, AnUnknownFieldIsOneWithThePlaceAndTheNearestName) {
    EXPECT_EQ(service_error("prots: []"),
              "compose.yaml:4:5: services.a.prots: unknown field; did you mean ports?");
    EXPECT_EQ(error_of("servces: {}"),
              "compose.yaml:1:1: servces: unknown field; did you mean services?");
    EXPECT_EQ(service_error("healthcheck: {tset: x}"),
              "compose.yaml:4:19: services.a.healthcheck.tset: unknown field; did you mean test?");
    EXPECT_EQ(service_error("qqqqqqqq: 1"), "compose.yaml:4:5: services.a.qqqqqqqq: unknown field");
    EXPECT_EQ(service_error("x-own: {any: 1}"), "none");
}

TEST(ComposeErrors, AValueOfAnotherTypeIsOne) {
    EXPECT_EQ(service_error("hostname: 5"),
              "compose.yaml:4:15: services.a.hostname: must be a string, not a number");
    EXPECT_EQ(service_error("ports: 80"),
              "compose.yaml:4:12: services.a.ports: must be a list, not a number");
    EXPECT_EQ(service_error("cap_add: [1]"),
              "compose.yaml:4:15: services.a.cap_add: must be a string, not a number");
    EXPECT_EQ(service_error("init: maybe"),
              "compose.yaml:4:11: services.a.init: must be true or false, not 'maybe'");
    EXPECT_EQ(service_error("mem_limit: lots"),
              "compose.yaml:4:16: services.a.mem_limit: must be a size such as 64m, not 'lots'");
    EXPECT_EQ(service_error("stop_grace_period: soon"),
              "compose.yaml:4:24: services.a.stop_grace_period: must be a duration such as 1m30s, "
              "not 'soon'");
    EXPECT_EQ(service_error("deploy: {replicas: many}"),
              "compose.yaml:4:24: services.a.deploy.replicas: must be a whole number, not 'many'");
    EXPECT_EQ(
        service_error("deploy: {update_config: {order: sideways}}"),
        "compose.yaml:4:37: services.a.deploy.update_config.order: must be one of start-first, "
        "stop-first, not 'sideways'");
    EXPECT_EQ(
        service_error("environment: {A: [1]}"),
        "compose.yaml:4:22: services.a.environment.A: must be a string or a number, not a list");
    EXPECT_EQ(service_error("command: 'a \"b'"),
              "compose.yaml:4:14: services.a.command: the quote \" does not end");
    EXPECT_EQ(service_error("healthcheck: {test: [curl]}"),
              "compose.yaml:4:25: services.a.healthcheck.test: must begin with CMD, CMD-SHELL or "
              "NONE, not 'curl'");
    EXPECT_EQ(error_of("- 1"), "compose.yaml:1:1: must be a mapping at the top, not a list");
    EXPECT_EQ(error_of(""), "/p/compose.yaml: empty compose file");
}

TEST(ComposeErrors, ShortFormsThatAreNoneAreNamed) {
    EXPECT_TRUE(service_error("ports: ['80:x']").contains("'80:x' is no port"));
    EXPECT_TRUE(
        service_error("ports: ['1.2.3:80:80']").contains("has the invalid address '1.2.3'"));
    EXPECT_TRUE(service_error("ports: ['1-2:1-3']").contains("has ranges of different lengths"));
    EXPECT_TRUE(service_error("ports: ['80/icmp']").contains("has the unknown protocol 'icmp'"));
    EXPECT_TRUE(service_error("ports: ['1-65535']").contains("has more than 4096 ports"));
    EXPECT_TRUE(service_error("volumes: ['a:b:c:d']").contains("'a:b:c:d' has too many colons"));
    EXPECT_TRUE(service_error("volumes: [':/b']").contains("':/b' has an empty part"));
    EXPECT_TRUE(service_error("devices: ['a:b:c:d']").contains("'a:b:c:d' is no device"));
    EXPECT_TRUE(service_error("extra_hosts: [alone]").contains("'alone' is no HOST=ADDRESS"));
    EXPECT_TRUE(service_error("gpus: some").contains("wants 'all' or a list of mappings"));
    EXPECT_TRUE(service_error("build: {ssh: [key]}").contains("'key' is no ID=PATH"));
}

TEST(ComposeErrors, WhatIsNotDeclaredIsOne) {
    EXPECT_EQ(
        service_error("networks: [frnt]\nnetworks: {front: {}}"),
        "compose.yaml:4:16: services.a.networks: 'frnt' is not declared under networks; did you "
        "mean front?");
    EXPECT_EQ(service_error("volumes: ['data:/d']"),
              "compose.yaml:4:15: services.a.volumes: 'data' is not declared under volumes");
    EXPECT_EQ(service_error("secrets: [s]"),
              "compose.yaml:4:15: services.a.secrets: 's' is not declared under secrets");
    EXPECT_EQ(
        service_error("depends_on: [database]"),
        "compose.yaml:4:18: services.a.depends_on: 'database' is not declared under services");
    // also where another field implies that it depends on it; who asks does not mean himself
    EXPECT_EQ(service_error("network_mode: service:aa\n  bb: {image: b}"),
              "compose.yaml:4:19: services.a.network_mode: 'aa' is not declared under services");
    EXPECT_EQ(service_error("volumes_from: ['ba:ro']\n  bb: {image: b}"),
              "compose.yaml:4:20: services.a.volumes_from: 'ba' is not declared under services; "
              "did you mean bb?");
    EXPECT_EQ(
        service_error("depends_on: [b]\n  b: {image: b, profiles: [x]}"),
        "compose.yaml:4:18: services.a.depends_on: 'b' is a service of a profile that is not in "
        "force");
    EXPECT_EQ(error_of("services: {a: {}}"),
              "compose.yaml:1:15: services.a: has neither an image nor a build context");
    EXPECT_EQ(
        error_of("services: {a: {image: a, depends_on: [b]}, b: {image: b, depends_on: [a]}}"),
        "compose.yaml:1:71: services.b.depends_on: depends on itself through 'a'");
}

TEST(ComposeErrors, WhatContradictsItselfIsOne) {
    EXPECT_TRUE(service_error("network_mode: host\n    networks: [default]")
                    .contains("services.a.network_mode: excludes networks"));
    EXPECT_TRUE(service_error("scale: 2\n    deploy: {replicas: 3}")
                    .contains("services.a.scale: differs from deploy.replicas"));
    EXPECT_EQ(service_error("scale: 1001"),
              "compose.yaml:4:12: services.a.scale: must be 1000 at most");
    EXPECT_EQ(service_error("deploy: {replicas: 999999999}"),
              "compose.yaml:4:24: services.a.deploy.replicas: must be 1000 at most");
    EXPECT_TRUE(service_error("scale: 2\n    container_name: cc")
                    .contains("more than one container cannot have container_name"));
    EXPECT_TRUE(
        service_error("volumes: ['/a', '/b']\n    tmpfs: /a").contains("'/a' is mounted twice"));
    EXPECT_TRUE(service_error("build: {dockerfile: a, dockerfile_inline: b}")
                    .contains("has both dockerfile and dockerfile_inline"));
    EXPECT_TRUE(service_error("volumes: [{target: /a}]").contains("a volume wants the field type"));
    EXPECT_TRUE(error_of("services: {a: {image: a, secrets: [s]}}\nsecrets: {s: {}}")
                    .contains("secrets.s: wants one of file, environment"));
    EXPECT_TRUE(error_of("services: {a: {image: a}}\nvolumes: {v: {external: true, driver: x}}")
                    .contains("volumes.v: is external, which excludes driver"));
}

TEST(ComposeErrors, IncludesAndExtendsThatGoNowhereOrRoundAreErrors) {
    EXPECT_EQ(service_error("extends: b"),
              "compose.yaml:4:14: services.a.extends: no service 'b' in compose.yaml");
    EXPECT_EQ(service_error("extends: {file: no.yaml, service: b}"),
              "compose.yaml:4:14: services.a.extends: no.yaml does not exist");
    EXPECT_EQ(
        error_of("services: {a: {extends: b}, b: {extends: a}}"),
        "compose.yaml:1:25: services.a.extends: extends itself: compose.yaml:a -> compose.yaml:b "
        "-> compose.yaml:a");
    EXPECT_EQ(error_of("include: [compose.yaml]"),
              "compose.yaml:1:11: include: compose.yaml includes itself");
    EXPECT_EQ(error_of("include: [no.yaml]"), "compose.yaml:1:11: include: no.yaml does not exist");
    EXPECT_EQ(error_of("include: ['oci://x/y']"),
              "compose.yaml:1:11: include: 'oci://x/y' is remote, and crank includes files");
    EXPECT_EQ(service_error("env_file: no.env"),
              "compose.yaml:4:15: services.a.env_file: /p/no.env does not exist");
    EXPECT_EQ(error_of("name: ${X:?say it}"),
              "compose.yaml:1:7: required variable X is missing a value: say it");
}

TEST(ComposeErrors, ManyIncludesOfIncludesEndSoon) {
    MemoryFiles files;
    // Each file includes the next one twice: 2^60 files if nobody counted.
    for (int i = 0; i < 60; i++) {
        std::string next = std::to_string(i + 1);
        files.texts["/p/" + std::to_string(i)] = "include: ['" + next + "', '" + next + "']";
    }
    files.texts["/p/60"] = "services: {a: {image: a}}";
    files.texts["/p/compose.yaml"] = "include: ['0']";
    auto project = loaded(std::move(files)).project;
    ASSERT_FALSE(project);
    EXPECT_TRUE(project.error().text().contains("includes more than 1000 files") ||
                project.error().text().contains("includes itself"))
        << project.error().text();
}

TEST(ComposeErrors, WhatGrowsByExtendingOrInheritingEndsSoon) {
    std::string big = "services:\n  base:\n    image: b\n    cap_add: [";
    for (int i = 0; i < 4000; i++) big += "C" + std::to_string(i) + ", ";
    big += "]\n";
    std::string many = big;
    for (int i = 0; i < 1000; i++) many += "  s" + std::to_string(i) + ": {extends: base}\n";
    EXPECT_TRUE(error_of(many).contains("the files become more than 400000 values"))
        << error_of(many);
    std::string ports = "services:\n";
    for (int i = 0; i < 300; i++)
        ports += "  s" + std::to_string(i) + ": {image: a, ports: ['1-4000:1-4000']}\n";
    EXPECT_TRUE(error_of(ports).contains("stand for more than 20000 entries"));
    std::string hooks = big + "    pre_start: [";
    for (int i = 0; i < 1000; i++) hooks += "{command: [x]}, ";
    EXPECT_TRUE(error_of(hooks + "]\n").contains("with what each hook inherits"));
    std::string fields = "x-a: {";
    for (int i = 0; i < 6000; i++) fields += "f" + std::to_string(i) + ": 1, ";
    EXPECT_TRUE(error_of(fields + "}").contains("more than 5000 fields in a mapping"));
    std::string entries = "x-a: [";
    for (int i = 0; i < 6000; i++) entries += "1, ";
    EXPECT_TRUE(error_of(entries + "]").contains("more than 5000 entries in a list"));
}

TEST(ComposeWarnings, AFieldThatNothingComesOfIsNamed) {
    Loaded it =
        loaded("version: '3'\nservices: {a: {image: a, hostname: '$NO', isolation: x, init: yes}}");
    ASSERT_TRUE(it.project) << it.project.error().text();
    std::vector<std::string> expected = {
        "The \"NO\" variable is not set. Defaulting to a blank string.",
        "compose.yaml:2:43: services.a.isolation: crank reads this field and does nothing with it "
        "yet",
        "compose.yaml:2:63: services.a.init: 'yes' is no boolean of YAML 1.2: write true",
        "compose.yaml:1:10: the field version is obsolete and means nothing"};
    ASSERT_EQ(it.warnings.size(), 4U);
    for (const std::string& warning : it.warnings)
        EXPECT_NE(std::ranges::find(expected, warning), expected.end()) << warning;
}

TEST(ComposeProject, IsNamedByFlagEnvironmentFileAndDirectory) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] = "name: In_File\nservices: {a: {image: a}}";
    EXPECT_EQ(loaded(files).project->name, "in_file");
    EXPECT_EQ(loaded(files, {.environment = {{"COMPOSE_PROJECT_NAME", "env"}}}).project->name,
              "env");
    EXPECT_EQ(loaded(files, {.name = "flag"}).project->name, "flag");
    EXPECT_EQ(loaded("services: {a: {image: a}}").project->name, "p");
    EXPECT_TRUE(loaded(files, {.name = "Flag!"})
                    .project.error()
                    .text()
                    .starts_with("invalid project name \"Flag!\": must consist only of"));
    for (std::string name : {".", "_", "-", "Capital"})
        EXPECT_FALSE(loaded(files, {.environment = {{"COMPOSE_PROJECT_NAME", name}}}).project);
    files.texts["/p/compose.yaml"] = "name: '.'\nservices: {a: {image: a}}";
    EXPECT_FALSE(loaded(files).project);
}

TEST(ComposeProject, ProfilesComeFromFlagsAndEnvironment) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] =
        "services: {a: {image: a, profiles: [x]}, b: {image: b, profiles: [y]}, c: {image: c}}";
    auto names = [&](LoadOptions options) {
        auto project = loaded(files, std::move(options)).project;
        std::string text;
        for (const Field& service : project->model.find("services")->fields) text += service.key;
        return text;
    };
    EXPECT_EQ(names({}), "c");
    EXPECT_EQ(names({.profiles = {"x"}}), "ac");
    EXPECT_EQ(names({.profiles = {"*"}}), "abc");
    EXPECT_EQ(names({.environment = {{"COMPOSE_PROFILES", "x, y"}}}), "abc");
}

TEST(ComposeProject, VariablesCanStay) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] =
        "services: {a: {image: '${X:?no}', ports: ['${P}:80'], init: '$I', cpus: '${C}'}}";
    auto project = loaded(files, {.variables = Variables::kept}).project;
    ASSERT_TRUE(project) << project.error().text();
    std::string text = to_yaml(printable(*project, Format::yaml), Dollars::kept);
    EXPECT_TRUE(text.contains("image: \"${X:?no}\"")) << text;
    EXPECT_TRUE(text.contains("- \"${P}:80\"")) << text;
}

Result<WorkerOptions> worker(const std::string& text) {
    auto project = loaded("services:\n  a:\n    image: a\n    x-crank: " + text).project;
    if (!project) return fail(std::move(project.error()));
    return worker_options(*project->model.find("services")->find("a"), "services.a", {});
}
std::string worker_error(const std::string& text) {
    auto options = worker(text);
    return options ? "none" : options.error().text();
}

TEST(ComposeWorker, XCrankIsRead) {
    auto options = worker(
        "{capabilities: [classify.mail], sandbox: strict, egress: [api.example:443], probe: "
        "{url: 'http://:8080/health', retries: 3}, rollout: {order: stop-first, drain: 30s}}");
    ASSERT_TRUE(options) << options.error().text();
    EXPECT_EQ(options->capabilities, std::vector<std::string>{"classify.mail"});
    EXPECT_TRUE(options->strict_sandbox);
    EXPECT_EQ(options->probe->url, "http://:8080/health");
    EXPECT_EQ(options->probe->retries, 3);
    EXPECT_FALSE(options->rollout.start_first);
    EXPECT_EQ(options->rollout.drain, std::chrono::seconds(30));
    EXPECT_EQ(worker("{probe: 'tcp://:5432'}")->probe->url, "tcp://:5432");
    EXPECT_EQ(worker("{probe: {url: 'tcp://:1', start_interval: 100ms}}")->probe->start_interval,
              std::chrono::milliseconds(100));
    auto live = worker("{probe: {live: {url: 'http://:80/live', retries: 2}}}");
    ASSERT_TRUE(live) << live.error().text();
    EXPECT_EQ(live->probe->url, "");
    EXPECT_EQ(live->probe->live, "http://:80/live");
    EXPECT_EQ(live->probe->live_retries, 2);
    EXPECT_EQ(worker("{probe: {url: 'tcp://:1', live: 'tcp://:2'}}")->probe->live, "tcp://:2");
}

TEST(ComposeWorker, WhatIsWrongInXCrankIsNamed) {
    EXPECT_EQ(worker_error("{sandbx: strict}"),
              "compose.yaml:4:15: services.a.x-crank.sandbx: unknown field; did you mean sandbox?");
    EXPECT_EQ(worker_error("{sandbox: none}"),
              "compose.yaml:4:24: services.a.x-crank.sandbox: must be one of default, strict, not "
              "'none'");
    EXPECT_EQ(
        worker_error("{native: true, sandbox: strict}"),
        "compose.yaml:4:23: services.a.x-crank.native: a native worker has no sandbox: take out "
        "sandbox: strict");
    EXPECT_EQ(worker_error("{probe: 'ftp://:1'}"),
              "compose.yaml:4:22: services.a.x-crank.probe: 'ftp://:1' is no probe: http://, "
              "https://, tcp:// or tls://[HOST]:PORT[/PATH]");
    EXPECT_EQ(worker_error("{probe: 'http://x'}"),
              "compose.yaml:4:22: services.a.x-crank.probe: 'http://x' names no port");
    EXPECT_EQ(worker_error("{probe: {retries: 1}}"),
              "compose.yaml:4:22: services.a.x-crank.probe: has neither url nor live");
    EXPECT_EQ(worker_error("{probe: {live: 'http://x'}}"),
              "compose.yaml:4:29: services.a.x-crank.probe.live: 'http://x' names no port");
    EXPECT_EQ(worker_error("{probe: {live: {url: 'tcp://:1', retries: 0}}}"),
              "compose.yaml:4:56: services.a.x-crank.probe.live.retries: must be from 1 to 1000");
    EXPECT_EQ(worker_error("{probe: {live: {retries: 2}}}"),
              "compose.yaml:4:29: services.a.x-crank.probe.live: a live probe wants the field url");
    EXPECT_EQ(worker_error("{capabilities: [Big]}"),
              "compose.yaml:4:30: services.a.x-crank.capabilities: 'Big' is no name: lower case "
              "letters, digits, '.', '_' and '-'");
    EXPECT_EQ(
        worker_error("{rollout: {drain: long}}"),
        "compose.yaml:4:32: services.a.x-crank.rollout.drain: must be a duration such as 1m30s, "
        "not 'long'");
    EXPECT_EQ(worker_error("{certificate: {name: Web}}"),
              "compose.yaml:4:35: services.a.x-crank.certificate.name: 'Web' is no name of a "
              "certificate: lower case letters, digits and '-', 63 at most");
    EXPECT_EQ(worker_error("{certificate: {name: -a}}"),
              "compose.yaml:4:35: services.a.x-crank.certificate.name: '-a' is no name of a "
              "certificate: lower case letters, digits and '-', 63 at most");
    EXPECT_EQ(worker_error("{certificate: {days: 399}}"),
              "compose.yaml:4:35: services.a.x-crank.certificate.days: must be from 1 to 398");
    EXPECT_EQ(worker_error("{certificate: {dns: [a.*.b]}}"),
              "compose.yaml:4:34: services.a.x-crank.certificate.dns: 'a.*.b' is no DNS name");
    EXPECT_EQ(
        worker_error("{certificate: {directory: c}}"),
        "compose.yaml:4:40: services.a.x-crank.certificate.directory: 'c' must be an absolute "
        "path");
}

TEST(ComposeWorker, ACertificateIsTheServicesOwn) {
    EXPECT_EQ(worker("{certificate: true}")->certificate->name, "a");
    EXPECT_EQ(worker("{certificate: true}")->certificate->days, 90);
    EXPECT_FALSE(worker("{certificate: false}")->certificate);
    EXPECT_FALSE(worker("{}")->certificate);
    auto options =
        worker("{certificate: {name: mail, dns: ['*.internal'], directory: /c, days: 1}}");
    ASSERT_TRUE(options) << options.error().text();
    EXPECT_EQ(options->certificate->name, "mail");
    EXPECT_EQ(options->certificate->dns, std::vector<std::string>{"*.internal"});
    EXPECT_EQ(options->certificate->directory, "/c");
    EXPECT_EQ(options->certificate->days, 1);
}

}  // namespace
}  // namespace crank::compose
