#include "deploy/canary.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/units.h"
#include "deploy/wait.h"
#include "deploy/watch.h"
#include "engine/lifecycle.h"

namespace crank::deploy {
namespace {

constexpr std::chrono::milliseconds kLookAgain(100);
// One error among fewer says nothing of a part.
constexpr std::uint64_t kEnough = 20;
constexpr std::uint64_t kWhole = 100;  // percent

std::uint64_t percent_of(const Answers& answers) {
    return answers.all == 0 ? 0 : answers.failed * kWhole / answers.all;
}

std::string shown(const Answers& answers) {
    return std::to_string(answers.failed) + " of " + std::to_string(answers.all);
}

}  // namespace

Compared compared(const engine::GatewayView& view, const std::string& id) {
    Compared found;
    for (const engine::GatewayTarget& target : view.targets) {
        bool its = std::ranges::any_of(target.backends, [&](const engine::GatewayBackend& backend) {
            return backend.id == id;
        });
        if (!its) continue;
        for (const engine::GatewayBackend& backend : target.backends) {
            Answers& answers = backend.id == id ? found.canary : found.others;
            answers.all += backend.requests;
            answers.failed += backend.failed;
        }
    }
    return found;
}

std::string complaint(const Compared& answers, int errors) {
    if (answers.canary.all < kEnough) return "";
    std::uint64_t most = percent_of(answers.others) + static_cast<std::uint64_t>(errors);
    if (percent_of(answers.canary) <= most) return "";
    return "answered " + shown(answers.canary) + " requests with an error, and the others " +
           shown(answers.others);
}

Result<void> try_canary(const World& world, const Traffic& traffic, const Step& step,
                        const std::string& id) {
    const compose::Canary& canary = *step.canary;
    if (!TRY(traffic.share(step.service, id, canary.share))) {
        world.hooks.warn("service " + step.service +
                         ": a canary has no requests where the gateway holds no port of it");
        return {};
    }
    crash_point("deploy.canary");
    engine::Container container = TRY(engine::find(world.paths, id));
    std::string name = engine::shown_name(container.record);
    world.hooks.say("Container " + name + "  has " + std::to_string(canary.share) +
                    "% of the requests for " + format_duration(canary.time));
    auto failed = [&](const std::string& why) {
        return fail(Error(Code::failed_precondition,
                          "the old container of " + step.object + " stays: the canary " + why)
                        .with_hint("crank logs " + name));
    };
    const WatchedFrom before = watched_from({container});
    const auto end = std::chrono::steady_clock::now() + canary.time;
    while (true) {
        engine::Container now = TRY(engine::find(world.paths, id));
        std::string why = trouble({now}, before);
        if (!why.empty()) return failed("is in trouble: " + why);
        // Also where somebody has ended it, which is no trouble of its own.
        if (now.state.status == engine::Status::exited)
            return failed("exited (" + std::to_string(now.state.exit.code) + ")");
        auto gateway = TRY(engine::Gateway::find(world.paths, world.desired.project));
        if (gateway) why = complaint(compared(TRY(gateway->view()), id), canary.errors);
        if (!why.empty()) return failed(why);
        if (std::chrono::steady_clock::now() >= end) return {};
        TRY(pause_for(world, kLookAgain));
    }
}

}  // namespace crank::deploy
