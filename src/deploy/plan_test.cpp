#include "deploy/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/difference.h"

namespace crank::deploy {
namespace {

using compose::Dependency;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

DesiredService service(std::string name) {
    return {.name = std::move(name),
            .identity = R"({"image":"i:2"})",
            .hash = "new",
            .image = "i:2",
            .image_id = "sha256:aaaabbbbccccdddd"};
}
ObservedContainer container(std::string service, std::int64_t number = 1) {
    std::string name = "p-" + service + "-" + std::to_string(number);
    return {.id = "id-" + name,
            .name = name,
            .service = std::move(service),
            .hash = "new",
            .image_id = "sha256:aaaabbbbccccdddd",
            .number = number};
}
Desired desired(std::vector<DesiredService> services) {
    return {.project = "p", .services = std::move(services)};
}
std::vector<std::string> lines(const Result<Plan>& plan) {
    if (!plan) return {"error: " + plan.error().text()};
    std::vector<std::string> lines;
    for (const Step& step : plan->steps) lines.push_back(describe(step));
    return lines;
}

TEST(DeployPlan, WhatIsAsItIsToBeNeedsNothing) {
    Result<Plan> plan = plan_up(desired({service("a")}), {.containers = {container("a")}}, {});
    EXPECT_THAT(lines(plan), IsEmpty());
    EXPECT_FALSE(plan->changes());
}

TEST(DeployPlan, AnEmptyMachineGetsNetworksVolumesAndContainersInOrder) {
    Desired all = desired({service("db"), service("web")});
    all.services[1].depends_on = {{"db", Dependency::Condition::healthy}};
    all.services[1].networks = {"default"};
    all.services[0].volumes = {"data"};
    all.services[1].replicas = 2;
    all.networks = {{"default", "p_default"}, {"unused", "p_unused"}};
    all.volumes = {{"data", "p_data"}};
    EXPECT_THAT(
        lines(plan_up(all, {}, {})),
        ElementsAre("create network p_default: it is not there",
                    "create volume p_data: it is not there", "create p-db-1: it is not there",
                    "wait for db to be healthy: web depends on it",
                    "create p-web-1: it is not there", "create p-web-2: it is not there"));
    PlanOptions no_start{.starts = false};
    EXPECT_EQ(lines(plan_up(all, {}, no_start)).size(), 5U);
}

TEST(DeployPlan, AChangeIsNamedFieldByField) {
    ObservedContainer old = container("a");
    old.hash = "old";
    Observed observed{.containers = {old},
                      .identities = {{"old", R"({"image":"i:1","environment":{"T":"s3cret"}})"}}};
    EXPECT_THAT(lines(plan_up(desired({service("a")}), observed, {})),
                ElementsAre("recreate p-a-1 (the new one starts first): environment.T: removed; "
                            "image: i:1 -> i:2"));
    Desired port = desired({service("a")});
    port.services[0].update.in_the_way = "it publishes port 80";
    EXPECT_THAT(lines(plan_up(port, observed, {}))[0],
                HasSubstr("(the old one stops first: it publishes port 80): "));
    EXPECT_THAT(lines(plan_up(port, observed, {.recreate = Recreate::never})), IsEmpty());
    observed.identities.clear();
    observed.containers[0].image_id = "sha256:ffff";
    EXPECT_THAT(lines(plan_up(port, observed, {}))[0],
                HasSubstr("its configuration has changed; image i:2: ffff -> aaaabbbbcccc"));
}

TEST(DeployPlan, AVolumeThatIsHandedOnIsWrittenToByOneContainerAtATime) {
    Observed observed{.containers = {container("a")}};
    observed.containers[0].hash = "old";
    observed.containers[0].own_volume = "/data";
    Desired one = desired({service("a")});
    EXPECT_THAT(lines(plan_up(one, observed, {}))[0],
                HasSubstr("(the old one stops first: it writes to /data)"));
    one.services[0].update.said_to_be_safe = true;
    EXPECT_THAT(lines(plan_up(one, observed, {}))[0], HasSubstr("(the new one starts first)"));
}

TEST(DeployPlan, TheWayBackIsItsOwn) {
    Observed observed{.containers = {container("a", 1), container("a", 2)}};
    for (ObservedContainer& one : observed.containers) {
        one.hash = "old";
        one.serves = {80};
    }
    Desired two = desired({service("a")});
    two.services[0].replicas = 2;
    two.services[0].canary = compose::Canary{.share = 10};
    two.services[0].update.delay = std::chrono::seconds(5);
    two.services[0].rollback = {.in_the_way = "its rollout says so",
                                .delay = std::chrono::seconds(1)};
    Plan there = plan_up(two, observed, {}).value();
    ASSERT_THAT(there.steps, SizeIs(2));
    EXPECT_TRUE(there.steps[0].canary);
    EXPECT_FALSE(there.steps[1].canary);
    EXPECT_EQ(there.steps[0].delay.count(), 0);
    EXPECT_EQ(there.steps[1].delay, std::chrono::seconds(5));
    Plan back = plan_up(two, observed, {.back = true}).value();
    EXPECT_FALSE(back.steps[0].canary);
    EXPECT_EQ(back.steps[0].in_the_way, "its rollout says so");
    EXPECT_EQ(back.steps[1].delay, std::chrono::seconds(1));
}

TEST(DeployPlan, ForcedAndSharedOnesAreMadeAgain) {
    Desired two = desired({service("a"), service("b")});
    two.services[1].shares = {"a"};
    Observed observed{.containers = {container("a"), container("b")}};
    observed.containers[0].hash = "old";
    EXPECT_THAT(lines(plan_up(two, observed, {}))[1], HasSubstr("it shares with a"));
    observed.containers[0].hash = "new";
    EXPECT_THAT(lines(plan_up(two, observed, {.recreate = Recreate::always}))[0],
                HasSubstr(": --force-recreate"));
}

TEST(DeployPlan, WhoSaysSoIsRestartedWithWhatItDependsOn) {
    Desired two = desired({service("a"), service("b")});
    two.services[1].depends_on = {{.service = "a", .restart = true}};
    Observed observed{.containers = {container("a"), container("b")}};
    EXPECT_THAT(lines(plan_up(two, observed, {})), IsEmpty());
    observed.containers[0].hash = "old";
    EXPECT_EQ(lines(plan_up(two, observed, {}))[1],
              "restart p-b-1: a, which it depends on, is made again");
}

TEST(DeployPlan, OneThatHadMadeWayGetsItsNameBack) {
    Observed observed{.containers = {container("a")}};
    observed.containers[0].id = "0123456789abcdef";
    observed.containers[0].name = "0123456789ab_p-a-1";
    observed.containers[0].state = ObservedContainer::State::exited;
    EXPECT_THAT(lines(plan_up(desired({service("a")}), observed, {})),
                ElementsAre("rename p-a-1: it is called 0123456789ab_p-a-1",
                            "start p-a-1: it has ended with exit code 0"));
}

TEST(DeployPlan, AChangeThatWasKilledBeforeItsProofIsProved) {
    Observed observed{.containers = {container("a"), container("a")}};
    observed.containers[0].id = "0123456789abcdef";
    observed.containers[0].name = "0123456789ab_p-a-1";
    observed.containers[0].hash = "old";
    Result<Plan> plan = plan_up(desired({service("a")}), observed, {});
    EXPECT_THAT(lines(plan), ElementsAre("finish the change of p-a-1: the command that began it "
                                         "did not end it"));
    EXPECT_EQ(plan->steps[0].container + " " + plan->steps[0].next, "0123456789abcdef id-p-a-1");
    observed.containers[0].state = ObservedContainer::State::exited;
    EXPECT_THAT(lines(plan_up(desired({service("a")}), observed, {})),
                ElementsAre("remove 0123456789ab_p-a-1: another has its place"));
}

TEST(DeployPlan, ScalingTakesTheLowestFreeNumbersAndGivesUpTheHighest) {
    Desired three = desired({service("a")});
    three.services[0].replicas = 3;
    Observed observed{.containers = {container("a", 2)}};
    EXPECT_THAT(lines(plan_up(three, observed, {})),
                ElementsAre("create p-a-1: it is not there", "create p-a-3: it is not there"));
    three.services[0].replicas = 1;
    observed.containers.push_back(container("a", 5));
    EXPECT_THAT(lines(plan_up(three, observed, {})),
                ElementsAre("remove p-a-5: there are to be 1"));
    // What a deploy that was killed has left: the one that is as it is to be stays.
    observed.containers[1].number = 2;
    observed.containers[1].hash = "old";
    EXPECT_THAT(lines(plan_up(three, observed, {})),
                ElementsAre("remove p-a-5: another has its place"));
}

TEST(DeployPlan, EndedOnesAreStartedAgainButForJobsThatAreDone) {
    ObservedContainer ended = container("a");
    ended.state = ObservedContainer::State::exited;
    ended.exit_code = 3;
    EXPECT_THAT(lines(plan_up(desired({service("a")}), {.containers = {ended}}, {})),
                ElementsAre("start p-a-1: it has ended with exit code 3"));
    Desired job = desired({service("a")});
    job.services[0].once = true;
    ended.exit_code = 0;
    EXPECT_THAT(lines(plan_up(job, {.containers = {ended}}, {})), IsEmpty());
    ended.exit_code = 1;
    EXPECT_EQ(lines(plan_up(job, {.containers = {ended}}, {})).size(), 1U);
}

TEST(DeployPlan, OrphansAreNamedOrRemovedAndServicesThatAreNotSelectedStay) {
    Desired one = desired({service("a")});
    one.others = {"b"};
    Observed observed{.containers = {container("a"), container("b"), container("gone")}};
    Result<Plan> plan = plan_up(one, observed, {});
    EXPECT_THAT(plan->orphans, ElementsAre("p-gone-1"));
    EXPECT_FALSE(plan->changes());
    EXPECT_THAT(lines(plan_up(one, observed, {.remove_orphans = true})),
                ElementsAre("remove p-gone-1: the compose file has no service gone"));
    // Before the one that may be the same under another name.
    observed.containers.erase(observed.containers.begin());
    EXPECT_EQ(lines(plan_up(one, observed, {.remove_orphans = true}))[0],
              "remove p-gone-1: the compose file has no service gone");
}

TEST(DeployPlan, ImagesAreBuiltPulledOrErrors) {
    Desired two = desired({service("a"), service("b")});
    two.services[0].builds = true;
    two.services[0].image_id = two.services[1].image_id = "";
    auto images = [&](std::set<Images> how) {
        std::vector<std::string> all = lines(plan_up(two, {}, {.images = std::move(how)}));
        return std::vector(all.begin(), all.begin() + std::min<std::ptrdiff_t>(2, std::ssize(all)));
    };
    EXPECT_THAT(images({Images::usual}),
                ElementsAre("build i:2: it is not here", "pull i:2: it is not here"));
    EXPECT_THAT(images({Images::never})[0],
                HasSubstr("error: service b: no such image: i:2, and it is not to be pulled"));
    EXPECT_THAT(images({Images::ready})[0], HasSubstr("service a: no such image: i:2"));
    two.services[0].image_id = two.services[1].image_id = "sha256:1";
    EXPECT_THAT(
        images({Images::build, Images::always}),
        ElementsAre("build i:2: it is to be built", "pull i:2: it is to be pulled each time"));
}

TEST(DeployPlan, WhatAServiceOfTheFileBuildsIsNotPulledForAnother) {
    Desired two = desired({service("a"), service("b")});
    two.services[1].builds = true;
    two.services[0].image = "app";
    two.services[1].image = "app:latest";
    two.services[0].image_id = two.services[1].image_id = "";
    two.builders = {{"docker.io/library/app:latest", "b"}};
    Result<Plan> plan = plan_up(two, {}, {.images = {Images::always}});
    EXPECT_THAT(lines(plan),
                ElementsAre("build app: it is not here", "create p-a-1: it is not there",
                            "create p-b-1: it is not there"));
    EXPECT_EQ(plan->steps[0].service, "b");
    // Also where the one that builds it is not among those that are started.
    two.services.pop_back();
    EXPECT_EQ(plan_up(two, {}, {})->steps[0].service, "b");
}

TEST(DeployPlan, WhatIsExternalMustBeThereAndWhatIsAnothersIsNotTaken) {
    Desired one = desired({service("a")});
    one.services[0].networks = {"n"};
    one.services[0].address = compose::Service::Address::never;
    one.networks = {{"n", "shared", true, ""}};
    EXPECT_THAT(lines(plan_up(one, {}, {})),
                ElementsAre("error: network shared declared as external, but could not be found"));
    one.networks = {{"n", "p_n", false, "h1"}};
    Observed observed{.containers = {container("a")}, .networks = {{"p_n", {"h2", "p", "n"}}}};
    EXPECT_THAT(lines(plan_up(one, observed, {}))[0], HasSubstr("was made in another way"));
    observed.networks["p_n"].project = "";
    EXPECT_THAT(lines(plan_up(one, observed, {}))[0], HasSubstr("no project made it"));
    observed.networks["p_n"] = {"h1", "p", "n"};
    one.services[0].volumes = {"v"};
    one.volumes = {{"v", "p_v", false, ""}};
    observed.volumes["p_v"] = {};
    EXPECT_THAT(plan_up(one, observed, {})->warnings, ElementsAre(HasSubstr("no project made it")));
    // With options: it stands for something.
    observed.volumes["p_v"] = {"", "p", "v"};
    EXPECT_THAT(lines(plan_up(one, observed, {})), IsEmpty());
    one.volumes = {{"v", "p_v", false, "h1"}};
    EXPECT_THAT(lines(plan_up(one, observed, {})),
                ElementsAre("error: volume p_v was made with other driver_opts than the compose "
                            "file says now"));
}

TEST(DeployPlan, WhatIsBuiltAgainIsMadeAgain) {
    Desired one = desired({service("a")});
    Observed observed{.containers = {container("a")}};
    one.services[0].rebuilt = true;
    Result<Plan> plan = plan_up(one, observed, {});
    ASSERT_TRUE(plan);
    ASSERT_EQ(plan->steps.size(), 1U);
    EXPECT_EQ(plan->steps[0].action, Action::recreate);
    EXPECT_THAT(plan->steps[0].reasons, ElementsAre(HasSubstr(": is built again")));
    EXPECT_THAT(lines(plan_up(one, observed, {.recreate = Recreate::never})), IsEmpty());
}

TEST(DeployPlan, WhereAServiceRunsIsSaidWithItsReason) {
    Desired one = desired({service("a")});
    one.services[0].placed = "x-crank.native.when: macos; here: linux, no GPU";
    EXPECT_THAT(
        lines(plan_up(one, {}, {})),
        ElementsAre("create p-a-1 (in a container: x-crank.native.when: macos; here: linux, "
                    "no GPU): it is not there"));
    EXPECT_THAT(lines(plan_up(one, {.containers = {container("a")}}, {})), IsEmpty());
    DesiredService& native = one.services[0];
    native.native = true;
    native.placed = "x-crank.native";
    native.image_id = "";
    EXPECT_THAT(lines(plan_up(one, {.containers = {container("a")}}, {})),
                ElementsAre("recreate p-a-1 (the new one starts first) (natively: x-crank.native): "
                            "it is to run natively"));
    ObservedContainer process = container("a");
    process.native = true;
    process.image_id = "";
    EXPECT_THAT(lines(plan_up(one, {.containers = {process}}, {})), IsEmpty());
    EXPECT_THAT(lines(plan_up(desired({service("a")}), {.containers = {process}}, {})),
                ElementsAre("recreate p-a-1 (the new one starts first): it is to run in a "
                            "container"));
}

TEST(DeployPlan, ANativeDirectoryIsMadeAsAnImageIsBuilt) {
    Desired one = desired({service("a")});
    DesiredService& native = one.services[0];
    native.native = native.builds = true;
    native.image = "native";
    native.image_id = "";
    EXPECT_EQ(lines(plan_up(one, {}, {}))[0], "prepare p-a: it is not here");
    EXPECT_THAT(lines(plan_up(one, {}, {.images = {Images::ready}})),
                ElementsAre("error: service a: its directory is missing"));
    native.image_id = "sha256:1111";
    ObservedContainer process = container("a");
    process.native = true;
    process.image_id = "sha256:2222";
    EXPECT_THAT(lines(plan_up(one, {.containers = {process}}, {})),
                ElementsAre("recreate p-a-1 (the new one starts first): image native: 2222 -> "
                            "1111"));
    process.image_id = "sha256:1111";
    EXPECT_THAT(lines(plan_up(one, {.containers = {process}}, {})), IsEmpty());
    EXPECT_THAT(lines(plan_up(one, {.containers = {process}}, {.images = {Images::build}})),
                ElementsAre("prepare p-a: it is to be built"));
}

TEST(DeployPlan, DownEndsThoseFirstThatDependOnOthers) {
    Desired all = desired({service("db"), service("web")});
    Observed observed{.containers = {container("db"), container("web"), container("gone")},
                      .networks = {{"p_default", {"", "p", "default"}}, {"other", {}}},
                      .volumes = {{"p_data", {"", "p", "data"}}}};
    observed.containers[1].depends_on = {"db"};
    observed.containers[0].created_ns = 5;
    EXPECT_THAT(lines(plan_down(all, observed, {})),
                ElementsAre("remove p-web-1", "remove p-db-1", "remove network p_default"));
    EXPECT_THAT(plan_down(all, observed, {})->orphans, ElementsAre("p-gone-1"));
    EXPECT_EQ(lines(plan_down(all, observed, {.volumes = true, .orphans = true})).size(), 5U);
    // A circle ends, too.
    observed.containers[0].depends_on = {"web"};
    EXPECT_EQ(plan_down(all, observed, {})->steps.size(), 3U);
}

TEST(DeployPlan, DownRemovesVolumesThatTheFileDeclaresAndThatAreNotExternal) {
    Observed observed{.networks = {{"shared", {"", "p", "n"}}},
                      .volumes = {{"p_data", {"", "p", "data"}},
                                  {"p_kept", {"", "p", "kept"}},
                                  {"p_old", {"", "p", "old"}},
                                  {"p_theirs", {"", "q", "theirs"}}}};
    Desired all = desired({});
    all.networks = {{"n", "shared", true, ""}};
    all.volumes = {{"data", "p_data"}, {"kept", "p_kept", true, ""}, {"theirs", "p_theirs"}};
    Result<Plan> plan = plan_down(all, observed, {.volumes = true, .declared = true});
    EXPECT_THAT(lines(plan), ElementsAre("remove volume p_data"));
    EXPECT_THAT(plan->warnings, ElementsAre(HasSubstr("volume p_old stays: the compose file does "
                                                      "not declare it")));
    // Without a file what carries the label.
    EXPECT_EQ(lines(plan_down(desired({}), observed, {.volumes = true})).size(), 4U);
}

TEST(DeployPlan, AProjectWithoutANameIsNoneWhoseThingsGo) {
    Observed observed{.networks = {{"mine", {}}}, .volumes = {{"data", {}}}};
    for (std::string name : {"", ".", "_", "A"})
        EXPECT_THAT(lines(plan_down({.project = name}, observed, {.volumes = true})),
                    ElementsAre(HasSubstr("error: invalid project name \"" + name + "\": must")));
}

TEST(DeployDifference, NamesFieldsAndHidesVariables) {
    EXPECT_THAT(differences(R"({"environment":{"T":"a"},"ports":[{"target":80}]})",
                            R"({"environment":{"T":"b"},"ports":[{"target":81}],"user":"u"})"),
                ElementsAre("environment.T: changed", "ports[0].target: 80 -> 81", "user: added"));
    EXPECT_THAT(differences(R"({"command":["a"],"labels":{"t":"1"},"deploy":{"labels":{"t":"1"}}})",
                            R"({"command":["b"],"labels":{"t":"2"},"deploy":{"labels":{"t":"2"},
                        "resources":{"limits":{"memory":"5"}}},"mem_limit":"9"})"),
                ElementsAre("command[0]: changed", "deploy.labels.t: changed",
                            "deploy.resources.limits.memory: added: 5", "labels.t: changed",
                            "mem_limit: added: 9"));
    EXPECT_THAT(differences("no JSON", "{}"), IsEmpty());
    EXPECT_THAT(differences(R"({"a":{},"networks":{"default":null},"b":null,"c":null})",
                            R"({"a":{"x":1},"networks":{"back":null},"b":"t","d":{}})"),
                ElementsAre("a.x: added", "b: added", "c: removed", "d: added",
                            "networks.back: added", "networks.default: removed"));
    std::string many = "{";
    for (int i = 0; i < 20; i++) many += (i ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
    EXPECT_EQ(differences("{}", many + "}").back(), "and 12 more");
}

TEST(DeployPlan, WhoHasTheNameThatAnotherGetsGoesFirst) {
    ObservedContainer old = container("a"), next = container("a");
    old.id = "0123456789abcdef";
    old.name = "0123456789ab_p-a-1";
    next.hash = "newer";
    Observed observed{.containers = {old, next}};
    EXPECT_THAT(lines(plan_up(desired({service("a")}), observed, {})),
                ElementsAre("remove p-a-1: another has its place",
                            "rename p-a-1: it is called 0123456789ab_p-a-1"));
}

}  // namespace
}  // namespace crank::deploy
