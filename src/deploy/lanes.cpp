#include "deploy/lanes.h"

#include <algorithm>

#include "deploy/wait.h"
#include "deploy/warm.h"
#include "sys/system.h"

namespace crank::deploy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kPause(10);

// Services of which containers are replaced at a time. What starts works, and has a time in which
// it must be ready: more than so many for each processor would have each other miss it. On a small
// machine most of it is waiting all the same. What is replaced has its memory twice meanwhile.
std::ptrdiff_t most_at_once() {
    constexpr int kLeast = 4, kMost = 16;
    return is_memory_short() ? 1 : std::clamp(sys::online_cpus(), kLeast, kMost);
}

// Also of one that has nothing to do itself.
void add_needs(const Desired& desired, const std::string& name, std::set<std::string>& needs) {
    auto service = std::ranges::find(desired.services, name, &DesiredService::name);
    if (service == desired.services.end()) return;
    std::set<std::string> own = service->shares;
    for (const compose::Dependency& on : service->depends_on) own.insert(on.service);
    for (const std::string& on : own)
        if (needs.insert(on).second) add_needs(desired, on, needs);
}

std::set<std::string> needs_of(const Desired& desired, const std::string& name) {
    std::set<std::string> needs;
    add_needs(desired, name, needs);
    return needs;
}

}  // namespace

Lanes::Lanes(const World& world, Applying& applying, std::span<const Step> steps)
    : world_(world), applying_(applying) {
    while (!steps.empty()) {
        const std::string& service = steps.front().service;
        auto next =
            std::ranges::find_if(steps, [&](const Step& step) { return step.service != service; });
        auto count = std::size_t(next - steps.begin());
        // The plan has them before it.
        std::set<std::string> behind = needs_of(world.desired, service);
        std::erase_if(behind, [&](const std::string& on) { return find(on) == nullptr; });
        lanes_.push_back(
            {.service = service, .left = steps.first(count), .behind = std::move(behind)});
        steps = steps.subspan(count);
    }
}

Result<void> Lanes::run() {
    while (true) {
        Result<bool> moved = go_on_all();
        Result<bool> over = moved ? are_over() : moved;
        if (!over) return fail(give_up(std::move(over.error())));
        if (*over) return {};
        Result<void> paused = pause_for(world_, *moved ? std::chrono::milliseconds(0) : kPause);
        if (!paused) return fail(give_up(std::move(paused.error())));
    }
}

Result<bool> Lanes::are_over() {
    return std::ranges::all_of(lanes_, &Lane::is_done) ? applying_.is_over() : false;
}

Result<bool> Lanes::go_on_all() {
    TRY(applying_.look_after());
    bool moved = false;
    for (Lane& lane : lanes_) moved |= TRY(go_on(lane));
    return moved;
}

Result<bool> Lanes::go_on(Lane& lane) {
    if (lane.pending != nullptr) {
        if (!TRY(lane.pending->look())) return false;
        done(lane);
        return true;
    }
    return !lane.left.empty() && may_begin(lane) ? begin(lane) : false;
}

bool Lanes::may_begin(const Lane& lane) const {
    if (Clock::now() < lane.not_before) return false;
    if (!std::ranges::all_of(lane.behind,
                             [&](const std::string& on) { return find(on)->is_done(); }))
        return false;
    if (lane.left.front().action != Action::recreate) return true;
    auto replaced = std::ranges::count_if(
        lanes_, [](const Lane& other) { return other.pending != nullptr && other.replaces; });
    return replaced == 0 || replaced < most_at_once();
}

const Lanes::Lane* Lanes::find(const std::string& service) const {
    auto lane = std::ranges::find(lanes_, service, &Lane::service);
    return lane == lanes_.end() ? nullptr : &*lane;
}

Result<bool> Lanes::begin(Lane& lane) {
    if (is_cancelled(world_)) return fail(Code::cancelled, "interrupted");
    std::span<const Step> steps = lane.left.first(count_at_once(lane.left));
    lane.replaces = steps.front().action == Action::recreate;
    lane.left = lane.left.subspan(steps.size());
    lane.pending = TRY(applying_.begin(steps));
    if (lane.pending == nullptr) done(lane);
    return true;
}

void Lanes::done(Lane& lane) {
    lane.pending.reset();
    if (lane.left.empty()) return;
    lane.not_before = Clock::now() + std::chrono::ceil<Clock::duration>(lane.left.front().delay);
}

Error Lanes::give_up(Error error) {
    for (Lane& lane : lanes_)
        if (lane.pending != nullptr) error = lane.pending->give_up(std::move(error));
    return error;
}

}  // namespace crank::deploy
