#include "deploy/canary.h"

#include <algorithm>

#include "base/crash_point.h"
#include "base/units.h"
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

// False: nothing comes to it by the gateway.
Result<bool> CanaryTrial::begin() {
    const compose::Canary& canary = *step_.canary;
    if (!TRY(traffic_.share(step_.service, id_, canary.share))) {
        world_.hooks.warn("service " + step_.service +
                          ": a canary has no requests where the gateway holds no port of it");
        return false;
    }
    crash_point("deploy.canary");
    engine::Container container = TRY(engine::find(world_.paths, id_));
    name_ = engine::shown_name(container.record);
    world_.hooks.say("Container " + name_ + "  has " + std::to_string(canary.share) +
                     "% of the requests for " + format_duration(canary.time));
    before_ = watched_from({container});
    end_ = std::chrono::steady_clock::now() + canary.time;
    return true;
}

// A sentence without its beginning; empty: none.
Result<std::string> CanaryTrial::trouble_of() const {
    engine::Container now = TRY(engine::find(world_.paths, id_));
    std::string why = trouble({now}, before_);
    if (!why.empty()) return "is in trouble: " + why;
    // Also where somebody has ended it, which is no trouble of its own.
    if (now.state.status == engine::Status::exited)
        return "exited (" + std::to_string(now.state.exit.code) + ")";
    auto gateway = TRY(engine::Gateway::find(world_.paths, world_.desired.project));
    if (!gateway) return "";
    return complaint(compared(TRY(gateway->view()), id_), step_.canary->errors);
}

Result<bool> CanaryTrial::look() {
    if (!end_ && !TRY(begin())) return true;
    auto now = std::chrono::steady_clock::now();
    if (now < next_look_) return false;
    next_look_ = now + kLookAgain;
    std::string why = TRY(trouble_of());
    if (why.empty()) return now >= *end_;
    return fail(Error(Code::failed_precondition,
                      "the old container of " + step_.object + " stays: the canary " + why)
                    .with_hint("crank logs " + name_));
}

}  // namespace crank::deploy
