#include "deploy/plan_warm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "deploy/desired.h"
#include "deploy/warm.h"

namespace crank::deploy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

DesiredService web() {
    return {.name = "web", .hash = "new", .image_id = "sha256:b", .replicas = 1, .keep_warm = 300};
}
Observed with_one() {
    ObservedContainer runs{.id = "c2", .name = "p-web-1", .service = "web", .hash = "now"};
    runs.image_id = "sha256:a";
    runs.may_freeze = true;
    Observed observed{.containers = {runs}};
    observed.warm = {{.id = "c1",
                      .name = "c1_p-web-1",
                      .service = "web",
                      .hash = "new",
                      .image_id = "sha256:b"}};
    return observed;
}
Plan plan_of(const Desired& desired, const Observed& observed, const PlanOptions& options = {}) {
    return plan_up(desired, observed, options).value();
}

TEST(DeployWarm, WhatWasKeptTakesItsPlaceAgainWhereItIsTheSame) {
    EXPECT_EQ(warm_for(web(), 1, with_one()), "c1");
    EXPECT_EQ(warm_for(web(), 2, with_one()), "");
    for (auto change : {+[](DesiredService& service) { service.hash = "other"; },
                        +[](DesiredService& service) { service.image_id = "sha256:c"; },
                        +[](DesiredService& service) { service.native = true; },
                        +[](DesiredService& service) { service.rebuilt = true; },
                        +[](DesiredService& service) { service.name = "api"; }}) {
        DesiredService service = web();
        change(service);
        EXPECT_EQ(warm_for(service, 1, with_one()), "");
    }
}

TEST(DeployWarm, ANativeWorkerIsKnownByItsDirectoryOrByHavingNone) {
    DesiredService service = web();
    service.native = true;
    Observed observed = with_one();
    observed.warm[0].native = true;
    EXPECT_EQ(warm_for(service, 1, observed), "c1");
    service.image_id = observed.warm[0].image_id = "";
    EXPECT_EQ(warm_for(service, 1, observed), "c1");
    // Its directory is not there yet.
    service.builds = true;
    EXPECT_EQ(warm_for(service, 1, observed), "");
}

TEST(DeployWarm, WhatTheFileSaysOfANativeWorkerDecidesWhetherItMayStandStill) {
    compose::Service service{.name = "web"};
    service.placement.native = true;
    EXPECT_FALSE(may_stand_still(service));
    service.worker.native = compose::NativeOptions{.when = {"always"}};
    service.mounts = {{.type = compose::Mount::Type::bind, .target = "/etc/a", .read_only = true},
                      {.type = compose::Mount::Type::tmpfs, .target = "/tmp"}};
    EXPECT_TRUE(may_stand_still(service));
    for (auto change :
         {+[](compose::Service& one) { one.gpus = {{.count = 1}}; },
          +[](compose::Service& one) { one.devices = {"/dev/video0"}; },
          +[](compose::Service& one) { one.mounts[0].read_only = false; },
          +[](compose::Service& one) { one.worker.native->when = {"no-engine", "nvidia"}; },
          +[](compose::Service& one) { one.worker.native->own_ports = true; }}) {
        compose::Service other = service;
        change(other);
        EXPECT_FALSE(may_stand_still(other));
    }
}

TEST(DeployWarm, OfARecordWhatItHoldsDecidesOrItsLabel) {
    engine::Record record{.id = "c1", .kind = engine::Kind::native};
    record.cgroups_path = "/crank/c1";
    record.gateway_ports = {{"127.0.0.1", 80, 8000, "tcp", 20311}};
    // Made by a crank that does not say it.
    EXPECT_FALSE(may_freeze(record));
    record.labels[std::string(kMayFreezeLabel)] = "false";
    EXPECT_FALSE(may_freeze(record));
    record.labels[std::string(kMayFreezeLabel)] = "true";
    EXPECT_TRUE(may_freeze(record));
    engine::Record no_group = record;
    no_group.cgroups_path = "";
    EXPECT_FALSE(may_freeze(no_group));
    engine::Record no_port = record;
    no_port.gateway_ports.clear();
    EXPECT_FALSE(may_freeze(no_port));
    // A container is known by what it has, whatever a label of the file's says.
    record.kind = engine::Kind::container;
    EXPECT_FALSE(may_freeze(record));
    record.networks.push_back({.network = "p_default"});
    EXPECT_TRUE(may_freeze(record));
    record.devices.push_back({});
    EXPECT_FALSE(may_freeze(record));
}

TEST(DeployWarm, AChangeThawsAndKeeps) {
    Plan plan = plan_of({.project = "p", .services = {web()}}, with_one());
    ASSERT_THAT(plan.steps, SizeIs(1));
    EXPECT_EQ(plan.steps[0].thaws, "c1");
    EXPECT_TRUE(plan.steps[0].keeps);
    EXPECT_THAT(describe(plan.steps[0]),
                HasSubstr("recreate p-web-1 (the one that was kept frozen goes on): "));
}

TEST(DeployWarm, WhatGoesOnIsNotEndedWhereNothingIsToBeKeptAnyMore) {
    DesiredService service = web();
    service.keep_warm = 0;
    Plan plan = plan_of({.project = "p", .services = {service}}, with_one());
    ASSERT_THAT(plan.steps, SizeIs(1));
    EXPECT_EQ(plan.steps[0].thaws, "c1");
    EXPECT_FALSE(plan.steps[0].keeps);
}

TEST(DeployWarm, OneIsKeptOfEachPlace) {
    Observed observed = with_one();
    observed.warm[0].hash = "before";
    Plan plan = plan_of({.project = "p", .services = {web()}}, observed);
    ASSERT_THAT(plan.steps, SizeIs(2));
    EXPECT_EQ(plan.steps[0].thaws, "");
    EXPECT_EQ(describe(plan.steps[1]), "end c1_p-web-1: it was kept, and another is");
    observed.warm[0].number = 2;
    DesiredService two = web();
    two.replicas = 2;
    EXPECT_THAT(made_room(two, 1, "", observed), IsEmpty());
}

TEST(DeployWarm, NotWhereItMayNot) {
    const Desired desired{.project = "p", .services = {web()}};
    Observed observed = with_one();
    observed.containers[0].may_freeze = false;
    EXPECT_FALSE(plan_of(desired, observed).steps[0].keeps);
    Desired stops = desired;
    stops.services[0].update.in_the_way = "it writes to /data";
    Plan plan = plan_of(stops, with_one());
    EXPECT_FALSE(plan.steps[0].keeps);
    EXPECT_EQ(plan.steps[0].thaws, "");
    // What is asked to be made again is.
    plan = plan_of(desired, with_one(), {.recreate = Recreate::always});
    EXPECT_EQ(plan.steps[0].thaws, "");
}

TEST(DeployWarm, WhatNobodyGoesBackToGoes) {
    Desired desired{.project = "p", .services = {web()}};
    EXPECT_THAT(cooled(desired, with_one()), IsEmpty());
    desired.services[0].keep_warm = 0;
    ASSERT_THAT(cooled(desired, with_one()), SizeIs(1));
    EXPECT_EQ(describe(cooled(desired, with_one())[0]),
              "end c1_p-web-1: it was kept, and nobody goes back to it");
    desired.services[0].keep_warm = 300;
    // A machine that was restarted has lost it, or its time is over.
    Observed lost = with_one();
    lost.warm[0].stands = false;
    EXPECT_THAT(cooled(desired, lost), SizeIs(1));
    EXPECT_EQ(warm_for(desired.services[0], 1, lost), "");
    desired.services[0].replicas = 0;
    EXPECT_THAT(cooled(desired, with_one()), SizeIs(1));
    desired.services.clear();
    EXPECT_THAT(cooled(desired, with_one()), SizeIs(1));
    desired.others = {"web"};
    EXPECT_THAT(cooled(desired, with_one()), IsEmpty());
    // down ends them too, and a plan for its own services alone does not.
    EXPECT_THAT(plan_down(desired, with_one(), {}).value().steps, SizeIs(2));
    EXPECT_THAT(plan_down({.project = "p"}, with_one(), {}).value().steps, IsEmpty());
}

}  // namespace
}  // namespace crank::deploy
