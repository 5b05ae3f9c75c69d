#include "deploy/probation.h"

#include <algorithm>
#include <iterator>

#include "engine/lifecycle.h"

namespace crank::deploy {
namespace {

constexpr std::chrono::milliseconds kLookAgain(100);

}  // namespace

Result<void> Probation::add(const Step& step, const std::string& id) {
    std::chrono::nanoseconds time = failures_.of(step.service).monitor;
    if (time.count() == 0) return {};
    WatchedFrom before = watched_from({TRY(engine::find(world_.paths, id))});
    all_.push_back({.service = step.service,
                    .id = id,
                    .until = Clock::now() + std::chrono::ceil<Clock::duration>(time),
                    .next_look = {},
                    .before = std::move(before)});
    return {};
}

Result<void> Probation::note(const One& one, const std::string& name, std::string why) {
    why += " after it had taken its place";
    if (!failures_.may_go_on(one.service))
        return fail(Error(Code::failed_precondition, why)
                        .with_hint("crank why " + name + "; crank logs " + name));
    world_.hooks.warn(failures_.told(one.service, why));
    return {};
}

// True: it is decided, or nobody's any more.
Result<bool> Probation::look_at(One& one) {
    auto now = Clock::now();
    if (now < one.next_look) return false;
    one.next_look = now + kLookAgain;
    auto container = engine::find(world_.paths, one.id);
    // Somebody has removed it.
    if (!container && container.error().code() == Code::not_found) return true;
    if (!container) return fail(std::move(container.error()));
    std::string why = trouble({*container}, one.before);
    if (why.empty()) return now >= one.until;
    TRY(note(one, engine::shown_name(container->record), std::move(why)));
    return true;
}

Result<void> Probation::look() {
    for (auto one = all_.begin(); one != all_.end();)
        one = TRY(look_at(*one)) ? all_.erase(one) : std::next(one);
    return {};
}

Result<bool> Probation::is_over() {
    bool waits = std::ranges::any_of(
        all_, [&](const One& one) { return failures_.of(one.service).is_waited_for; });
    if (!waits)
        for (One& one : all_) one.next_look = {};
    TRY(look());
    return !waits;
}

}  // namespace crank::deploy
