#include "deploy/apply.h"

#include <algorithm>
#include <memory>
#include <span>

#include "deploy/applying.h"
#include "deploy/lanes.h"
#include "deploy/pre_start.h"
#include "deploy/wait.h"
#include "engine/asked.h"
#include "engine/lifecycle.h"

namespace crank::deploy {
namespace {

Result<void> carry_out(const World& world, Applying& applying, std::span<const Step> steps) {
    if (is_cancelled(world)) return fail(Code::cancelled, "interrupted");
    std::unique_ptr<Pending> pending = TRY(applying.begin(steps));
    if (pending == nullptr) return {};
    Result<void> done = wait_until(world, [&] { return pending->look(); });
    return done ? std::move(done) : fail(pending->give_up(std::move(done.error())));
}

}  // namespace

Result<void> apply(const World& world, const Plan& plan) {
    TRY(sweep_pre_start(world.paths, world.desired.project));
    Applying applying(world, plan);
    std::span<const Step> left(plan.steps);
    while (!left.empty()) {
        auto others = std::ranges::find(left, false, &Step::beside);
        auto beside = std::size_t(others - left.begin());
        if (beside == 0)
            TRY(carry_out(world, applying, left.first(1)));
        else
            TRY(Lanes(world, applying, left.first(beside)).run());
        left = left.subspan(std::max<std::size_t>(beside, 1));
    }
    return applying.end();
}

Result<bool> end_stopping(const World& world, const std::vector<engine::Container>& containers) {
    bool some = false;
    for (const engine::Container& container : containers) {
        if (container.state.status != engine::Status::running) continue;
        auto asked = engine::read_asked(world.paths.monitor(container.record.id));
        bool stops = asked && asked->verb == "stop" && asked->at_ns > container.state.started_at_ns;
        if (stops) TRY(engine::stop(world.paths, container, {}));
        some |= stops;
    }
    return some;
}

}  // namespace crank::deploy
