#include "deploy/patience.h"

#include "base/units.h"
#include "deploy/last_lines.h"
#include "engine/names.h"

namespace crank::deploy {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kFirst(5), kThen(10);

std::string rounded(Clock::duration time) {
    return format_duration(std::chrono::round<std::chrono::seconds>(time));
}

}  // namespace

void Patience::look(const World& world, const engine::Container& container,
                    const std::function<std::string()>& why) {
    auto now = Clock::now();
    if (!since_) {
        since_ = now;
        next_ = now + kFirst;
    }
    if (now < next_) return;
    next_ = now + kThen;
    std::string text =
        "Container " + engine::shown_name(container.record) + "  Waiting " + rounded(now - *since_);
    if (deadline_) text += " of " + rounded(*deadline_ - *since_);
    text += ": " + why();
    std::string line = last_line(world.paths, container);
    if (!line.empty()) text += "; it wrote: " + line;
    world.hooks.waits(text);
}

}  // namespace crank::deploy
