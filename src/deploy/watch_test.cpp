#include "deploy/watch.h"

#include <gtest/gtest.h>

#include "deploy/desired.h"

namespace crank::deploy {
namespace {

engine::Container container(engine::Status status, int code = 0) {
    engine::Container one{.record = {.id = "i", .name = "web"}, .state = {.status = status}};
    one.state.exit.code = code;
    return one;
}
using engine::Status;
WatchedFrom from(int restarts = 0) { return {{"i", {restarts, true}}}; }

TEST(DeployWatch, WhatRunsAndWhatEndedWellIsNoTrouble) {
    EXPECT_EQ(trouble({container(Status::running), container(Status::exited)}, from()), "");
    engine::Container stopped = container(Status::exited, 137);
    stopped.state.asked = engine::Asked{.verb = "stop"};
    EXPECT_EQ(trouble({stopped}, from()), "");
    EXPECT_EQ(trouble({}, from()), "");
}

TEST(DeployWatch, AnEndAStartAndABadHealthAre) {
    EXPECT_EQ(trouble({container(Status::exited, 3)}, from()), "container web exited (3)");
    EXPECT_EQ(trouble({container(Status::restarting, 3)}, {}), "container web exited (3)");
    engine::Container again = container(Status::running);
    again.record.restart_count = 2;
    EXPECT_EQ(trouble({again}, from(2)), "");
    EXPECT_EQ(trouble({again}, from(1)), "container web has ended and was started again");
    engine::Container ill = container(Status::running);
    ill.state.health = engine::HealthState{.status = engine::HealthStatus::unhealthy};
    EXPECT_EQ(trouble({ill}, from()), "container web is unhealthy");
    engine::Container ended = container(Status::exited, 137);
    ended.state.asked = engine::Asked{.verb = std::string(engine::kUnhealthy)};
    EXPECT_EQ(trouble({ended}, {}), "container web exited (137)");
}

TEST(DeployWatch, WhatWasNoBetterBeforeIsNoTrouble) {
    std::vector<engine::Container> job = {container(Status::exited, 255)};
    EXPECT_EQ(trouble(job, watched_from(job)), "");
    EXPECT_EQ(trouble(job, watched_from({container(Status::running)})),
              "container web exited (255)");
}

TEST(DeployWatch, OfSoManyOfAServiceAShareMayBeInTrouble) {
    auto of = [](std::string id, std::string service, Status status) {
        engine::Container one = container(status, 3);
        one.record.id = one.record.name = std::move(id);
        one.record.labels[std::string(kServiceLabel)] = std::move(service);
        return one;
    };
    std::vector<engine::Container> all = {of("w1", "web", Status::running),
                                          of("w2", "web", Status::exited),
                                          of("d1", "db", Status::running)};
    EXPECT_EQ(trouble(all, {}), "container w2 exited (3)");
    EXPECT_EQ(trouble(all, {}, {{"db", 1}}), "container w2 exited (3)");
    EXPECT_EQ(trouble(all, {}, {{"web", 0.5}}), "");
    EXPECT_EQ(trouble(all, {}, {{"web", 0.4}}), "container w2 exited (3)");
}

}  // namespace
}  // namespace crank::deploy
