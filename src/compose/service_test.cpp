#include "compose/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
};

Typed typed_of(std::string text, Environment environment = {}) {
    MemoryFiles files;
    files.texts["/p/compose.yaml"] = std::move(text);
    Diagnostics diagnostics;
    auto project = load(
        {.files = {"/p/compose.yaml"}, .directory = "/p", .environment = std::move(environment)},
        files, diagnostics);
    if (!project) return {.types = fail(std::move(project.error()))};
    Typed result{.project = std::move(*project)};
    result.types = typed(result.project, diagnostics);
    result.warnings = diagnostics.warnings();
    return result;
}

constexpr const char* kWhole = R"(
services:
  web:
    image: web:1
    command: serve --port 80
    entrypoint: ["/entry", "x"]
    environment: {A: "1", B: }
    ports: ["127.0.0.1:8080:80", "9000"]
    volumes: ["./src:/src:ro", "data:/data", "/own", {type: tmpfs, target: /t, tmpfs: {size: 1m, mode: 0700}}]
    networks: {back: {aliases: [w], ipv4_address: 10.7.0.9}, front: {priority: 5}}
    depends_on: {db: {condition: service_healthy}, job: {condition: service_completed_successfully, required: false}}
    healthcheck: {test: ["CMD", "ok"], interval: 5s, retries: 2}
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 64m, pids: 9}, reservations: {memory: 32m}}}
    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 7}
    secrets: [{source: token, target: t, mode: 0400}]
    configs: [conf]
    stop_grace_period: 1m30s
    gpus: all
    extra_hosts: ["h=10.0.0.1"]
    scale: 2
  db: {image: db, restart: always}
  job: {build: ., deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}}
networks: {back: {ipam: {config: [{subnet: 10.7.0.0/24, gateway: 10.7.0.1}]}}, front: {internal: true}}
volumes: {data: {labels: {a: b}}}
secrets: {token: {environment: TOKEN}}
configs: {conf: {content: "x=1"}}
)";

TEST(ComposeService, EveryKindOfFieldIsReadIntoItsType) {
    Typed all = typed_of(kWhole, {{"TOKEN", "s3"}});
    ASSERT_TRUE(all.types) << all.types.error().text();
    EXPECT_THAT(all.warnings, IsEmpty());
    const Service& web = *all.types->find("web");
    EXPECT_THAT(*web.command, ElementsAre("serve", "--port", "80"));
    EXPECT_THAT(*web.entrypoint, ElementsAre("/entry", "x"));
    ASSERT_EQ(web.environment.size(), 2U);
    EXPECT_EQ(web.environment[0].second, "1");
    EXPECT_EQ(web.environment[1].second, std::nullopt);
    EXPECT_EQ(web.ports[0].host_ip + " " + web.ports[0].published, "127.0.0.1 8080");
    EXPECT_EQ(web.ports[1].target, 9000);
    ASSERT_EQ(web.mounts.size(), 4U);
    EXPECT_EQ(web.mounts[0].source, "/p/src");
    EXPECT_TRUE(web.mounts[0].read_only);
    EXPECT_EQ(web.mounts[1].source, "data");
    EXPECT_EQ(web.mounts[2].source, "");
    EXPECT_EQ(web.mounts[3].size, 1 << 20);
    EXPECT_EQ(web.mounts[3].mode, 0700);
    // The higher priority first.
    EXPECT_EQ(web.networks[0].key, "front");
    EXPECT_EQ(web.networks[1].ipv4, "10.7.0.9");
    EXPECT_EQ(web.depends_on[0].condition, Dependency::Condition::healthy);
    EXPECT_FALSE(web.depends_on[1].required);
    EXPECT_EQ(web.health->interval, std::chrono::seconds(5));
    EXPECT_EQ(web.limits.nano_cpus, 500'000'000);
    EXPECT_EQ(web.limits.memory, 64 << 20);
    EXPECT_EQ(web.limits.memory_reservation, 32 << 20);
    EXPECT_EQ(web.limits.pids, 9);
    EXPECT_EQ(web.ulimits[1].hard, 7);
    EXPECT_EQ(web.files[0].target, "/run/secrets/t");
    EXPECT_EQ(web.files[0].mode, 0400);
    EXPECT_EQ(web.files[1].target, "/conf");
    EXPECT_EQ(web.stop_grace, std::chrono::seconds(90));
    EXPECT_EQ(web.gpus[0].count, -1);
    EXPECT_EQ(web.hosts[0].second, "10.0.0.1");
    EXPECT_EQ(web.replicas, 2);
    EXPECT_EQ(all.types->secrets[0].content, "s3");
    EXPECT_EQ(all.types->networks[0].gateways[0], "10.7.0.1");
    EXPECT_EQ(all.types->find("job")->image, "p-job");
    EXPECT_EQ(all.types->find("job")->restart, "on-failure:3");
    EXPECT_EQ(all.types->find("job")->build->context, "/p");
}

TEST(ComposeService, ServicesStandBehindThoseTheyDependOn) {
    Typed all = typed_of(
        "services:\n  a: {image: i, depends_on: [c]}\n  b: {image: i}\n"
        "  c: {image: i, depends_on: [d]}\n  d: {image: i}\n");
    ASSERT_TRUE(all.types);
    std::vector<std::string> names;
    for (const Service& service : all.types->services) names.push_back(service.name);
    EXPECT_THAT(names, ElementsAre("d", "c", "a", "b"));
}

TEST(ComposeService, WhatNothingComesOfIsNamedWithItsPlace) {
    Typed all = typed_of(
        "services:\n  a:\n    image: i\n    platform: linux/arm64\n"
        "    x-crank: {capabilities: [a.b]}\n");
    ASSERT_TRUE(all.types);
    EXPECT_THAT(all.warnings,
                Contains("compose.yaml:4:5: services.a.platform: crank up does nothing with this "
                         "field yet"));
    EXPECT_THAT(all.warnings, Contains(HasSubstr("5:15: services.a.x-crank.capabilities: ")));
    EXPECT_EQ(all.warnings.size(), 2U);
}

TEST(ComposeService, AStepBeforeTheStartHasWhatItsServiceHas) {
    Typed all = typed_of(
        "services:\n  a:\n    image: i\n    user: u\n    environment: {A: s, B: s}\n"
        "    volumes: ['d:/d', 'd:/e']\n    networks: [n]\n    secrets: [s]\n"
        "    deploy: {resources: {limits: {memory: 8m, cpus: '2'}}}\n"
        "    restart: always\n    healthcheck: {test: x}\n"
        "    pre_start:\n"
        "      - command: [one]\n"
        "      - {image: other, command: two, user: v, environment: {B: own}, mem_limit: 9m,"
        " volumes: ['f:/e'], per_replica: true}\n"
        "networks: {n: }\nvolumes: {d: , f: }\nsecrets: {s: {file: f}}\n");
    ASSERT_TRUE(all.types);
    const Service& service = *all.types->find("a");
    ASSERT_EQ(service.pre_start.size(), 2U);
    const Service& one = service.pre_start[0].container;
    EXPECT_FALSE(service.pre_start[0].per_replica);
    EXPECT_EQ(one.name, "a");
    EXPECT_EQ(one.image, "i");
    EXPECT_THAT(*one.command, ElementsAre("one"));
    EXPECT_EQ(one.user, "u");
    EXPECT_EQ(one.mounts.size(), 2U);
    EXPECT_EQ(one.networks[0].key, "n");
    EXPECT_EQ(one.files[0].target, "/run/secrets/s");
    EXPECT_EQ(one.limits.memory, 8 << 20);
    EXPECT_EQ(one.restart, "no");
    EXPECT_FALSE(one.health);
    const Service& two = service.pre_start[1].container;
    EXPECT_TRUE(service.pre_start[1].per_replica);
    EXPECT_EQ(two.image, "other");
    EXPECT_EQ(two.user, "v");
    EXPECT_EQ(two.environment.size(), 2U);
    EXPECT_EQ(two.limits.memory, 9 << 20);
    EXPECT_EQ(two.limits.nano_cpus, 2'000'000'000);
    ASSERT_EQ(two.mounts.size(), 2U);
    EXPECT_EQ(two.mounts[0].source, "f");
    EXPECT_EQ(two.mounts[1].target, "/d");
}

TEST(ComposeService, ATargetThatIsRelativeIsWhereItsKindIs) {
    Typed all = typed_of(
        "services: {a: {image: i, secrets: [{source: s, target: t}], configs: [{source: s, "
        "target: t}, {source: s}]}}\nsecrets: {s: {file: f}}\nconfigs: {s: {file: f}}\n");
    ASSERT_TRUE(all.types);
    std::vector<std::string> targets;
    for (const FileUse& use : all.types->find("a")->files) targets.push_back(use.target);
    EXPECT_THAT(targets, ElementsAre("/run/secrets/t", "/t", "/s"));
}

TEST(ComposeService, WhatWouldMeanSomethingElseIsAnError) {
    auto error = [](const std::string& text) {
        Typed all = typed_of(text);
        return all.types ? "none" : all.types.error().text();
    };
    std::string service = "services:\n  a:\n    image: i\n    ";
    EXPECT_THAT(error(service + "volumes: [{type: image, source: x, target: /y}]"),
                HasSubstr("compose.yaml:4:15: services.a.volumes: crank has no mounts of type"));
    EXPECT_THAT(error(service + "volumes: [{type: volume, source: v, target: /y, volume: {subpath: "
                                "a}}]\nvolumes: {v: }"),
                HasSubstr("services.a.volumes: crank mounts no part of a volume"));
    EXPECT_THAT(error("services: {a: {provider: {type: x}}}"), HasSubstr("no providers"));
    EXPECT_THAT(error(service + "volumes: [v:/v]\nvolumes: {v: {driver: nfs}}"),
                HasSubstr("volumes.v: crank's volumes are directories"));
    EXPECT_THAT(error(service + "secrets: [s]\nsecrets: {s: {environment: NOBODY}}"),
                HasSubstr("secrets.s: the variable NOBODY is not set"));
    EXPECT_THAT(error(service + "configs: [s]\nconfigs: {s: {external: true}}"),
                HasSubstr("configs.s: is external"));
}

// update_config and rollback_config of a service, and what its x-crank.rollout says.
std::string changing(const std::string& update, const std::string& back = "",
                     const std::string& rollout = "") {
    return "services:\n  a:\n    image: i\n    deploy:\n      update_config: {" + update +
           "}\n      rollback_config: {" + back + "}\n    x-crank: {rollout: {" + rollout + "}}\n";
}

TEST(ComposeService, AChangeAndTheWayBackAreAsSwarmsWordsSay) {
    using OnFailure = Service::Change::OnFailure;
    Typed all = typed_of(changing("", ""));
    ASSERT_TRUE(all.types) << all.types.error().text();
    const Service::Change usual = all.types->find("a")->update;
    EXPECT_EQ(usual.parallelism, 1);
    EXPECT_EQ(usual.max_failure_ratio, 0);
    EXPECT_EQ(usual.on_failure, OnFailure::unsaid);
    all =
        typed_of(changing("parallelism: 2, max_failure_ratio: 0.25, monitor: 5s, "
                          "failure_action: rollback",
                          "parallelism: 0, max_failure_ratio: 1, monitor: 1m, "
                          "failure_action: continue"));
    ASSERT_TRUE(all.types) << all.types.error().text();
    EXPECT_THAT(all.warnings, IsEmpty());
    const Service& service = *all.types->find("a");
    EXPECT_EQ(service.update.parallelism, 2);
    EXPECT_EQ(service.update.max_failure_ratio, 0.25);
    EXPECT_EQ(service.update.on_failure, OnFailure::back);
    EXPECT_EQ(service.worker.rollout.watch, std::chrono::seconds(5));
    EXPECT_EQ(service.rollback.parallelism, 0);
    EXPECT_EQ(service.rollback.max_failure_ratio, 1);
    EXPECT_EQ(service.rollback.monitor, std::chrono::minutes(1));
    EXPECT_EQ(service.rollback.on_failure, OnFailure::go_on);
}

TEST(ComposeService, XCrankRolloutIsTheLastWordOnAChangeThatFails) {
    using OnFailure = Service::Change::OnFailure;
    // Behind the end there is nothing to pause.
    Typed all = typed_of(changing("failure_action: pause, monitor: 5s"));
    EXPECT_FALSE(all.types->find("a")->worker.rollout.revert);
    EXPECT_EQ(all.types->find("a")->worker.rollout.watch.count(), 0);
    EXPECT_EQ(all.types->find("a")->update.monitor, std::chrono::seconds(5));
    all = typed_of(changing("failure_action: continue", "", "revert: true, watch: 1m"));
    EXPECT_TRUE(all.types->find("a")->worker.rollout.revert);
    EXPECT_EQ(all.types->find("a")->update.on_failure, OnFailure::back);
    EXPECT_EQ(all.types->find("a")->worker.rollout.watch, std::chrono::minutes(1));
}

TEST(ComposeService, AChangeThatCannotBeIsAnErrorWithItsPlace) {
    auto error = [](const std::string& update, const std::string& back = "") {
        Typed all = typed_of(changing(update, back));
        return all.types ? "none" : all.types.error().text();
    };
    EXPECT_EQ(error("parallelism: -1"),
              "compose.yaml:5:36: services.a.deploy.update_config.parallelism: must be 0 or more, "
              "not -1");
    EXPECT_EQ(
        error("max_failure_ratio: -0.1"),
        "compose.yaml:5:42: services.a.deploy.update_config.max_failure_ratio: must be from 0 "
        "to 1");
    EXPECT_EQ(
        error("", "max_failure_ratio: 1.1"),
        "compose.yaml:6:44: services.a.deploy.rollback_config.max_failure_ratio: must be from "
        "0 to 1");
    EXPECT_THAT(error("", "failure_action: rollback"),
                HasSubstr("failure_action: must be one of continue, pause"));
}

TEST(ComposeService, WhatRunRefusesOfItsFlagsHasAPlaceHere) {
    auto error = [](const std::string& fields) {
        Typed all =
            typed_of("services:\n  a:\n    image: i\n    " + fields + "\n  b: {image: i}\n");
        return all.types ? "none" : all.types.error().text();
    };
    EXPECT_EQ(error("dns_search: ['a b']"),
              "compose.yaml:4:18: services.a.dns_search: 'a b': one word is wanted");
    EXPECT_EQ(error("dns_opt: ['']"),
              "compose.yaml:4:15: services.a.dns_opt: '': one word is wanted");
    EXPECT_EQ(error("domainname: " + std::string(65, 'd')),
              "compose.yaml:4:17: services.a.domainname: more than 64 characters");
    EXPECT_EQ(error("oom_score_adj: 1001"),
              "compose.yaml:4:20: services.a.oom_score_adj: must be from -1000 to 1000, not 1001");
    EXPECT_EQ(error("stop_grace_period: 300h"),
              "compose.yaml:4:24: services.a.stop_grace_period: must be 1000000s at most");
    EXPECT_EQ(error("hostname: h\n    network_mode: service:b"),
              "compose.yaml:4:15: services.a.hostname: with network_mode: service:b names are that "
              "container's");
    EXPECT_THAT(error("dns: 1.1.1.1\n    network_mode: container:c"),
                HasSubstr("services.a.dns: with network_mode: container:c"));
    EXPECT_EQ(error("dns_search: [.]\n    domainname: d\n    oom_score_adj: -1000\n"
                    "    stop_grace_period: 277h\n    hostname: h"),
              "none");
}

TEST(ComposeService, TheIdentityIsOfWhatMakesAContainerAlone) {
    auto identity_of = [](const std::string& fields, const std::string& token = "1") {
        Typed all = typed_of("services:\n  a: {image: i, secrets: [s], " + fields +
                                 "}\n  b: {image: i}\nsecrets: {s: {environment: T}}\n",
                             {{"T", token}});
        EXPECT_TRUE(all.types);
        return identity(all.project, *all.types, *all.types->find("a"));
    };
    std::string plain = identity_of("user: u");
    EXPECT_EQ(plain, identity_of("user: u, scale: 3, depends_on: [b], pull_policy: always"));
    EXPECT_EQ(plain, identity_of("user: u, deploy: {replicas: 2}, x-own: 1"));
    EXPECT_NE(plain, identity_of("user: v"));
    EXPECT_NE(plain, identity_of("user: u", "2"));
    EXPECT_NE(plain, identity_of("user: u, x-crank: {sandbox: strict}"));
    EXPECT_EQ(plain.find("\"1\""), std::string::npos);
}

TEST(ComposeService, RulesOfDevelopWatchHaveTheirPathsAndCommands) {
    Typed typed = typed_of(R"(
services:
  web:
    build: .
    develop:
      watch:
        - {path: ./src, action: sync+exec, target: /app, ignore: "*.log", initial_sync: true,
           exec: {command: reload now, user: root, environment: {A: "1"}}}
        - {path: /etc/other, action: rebuild, include: ["*.py", "*.txt"]}
  db: {image: db}
)");
    ASSERT_TRUE(typed.types) << typed.types.error().text();
    EXPECT_THAT(typed.warnings, IsEmpty());
    EXPECT_THAT(typed.types->find("db")->watch, IsEmpty());
    const std::vector<WatchRule>& rules = typed.types->find("web")->watch;
    ASSERT_EQ(rules.size(), 2U);
    EXPECT_EQ(rules[0].action, WatchRule::Action::sync_exec);
    EXPECT_EQ(rules[0].path, "/p/src");
    EXPECT_EQ(rules[0].target, "/app");
    EXPECT_THAT(rules[0].ignore, ElementsAre("*.log"));
    EXPECT_TRUE(rules[0].initial_sync);
    EXPECT_THAT(rules[0].exec.command, ElementsAre("reload", "now"));
    EXPECT_EQ(rules[0].exec.user, "root");
    EXPECT_EQ(rules[1].action, WatchRule::Action::rebuild);
    EXPECT_EQ(rules[1].path, "/etc/other");
    EXPECT_THAT(rules[1].include, ElementsAre("*.py", "*.txt"));
    EXPECT_FALSE(rules[1].initial_sync);
}

}  // namespace
}  // namespace crank::compose
