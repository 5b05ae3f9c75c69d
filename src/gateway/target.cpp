#include "gateway/target.h"

#include <algorithm>

namespace crank::gateway {

namespace {
// All at once would overflow a server's queue of new connections (five, with some), and what does
// not fit is asked for again by the kernels only after ever longer pauses.
constexpr std::size_t kAtOnce = 4;
constexpr Milliseconds kPace{5};
// After all backends have refused, one asks again.
constexpr Milliseconds kAskAgain{50};
}  // namespace

bool Target::has_backend() const {
    return std::ranges::any_of(backends,
                               [](const auto& backend) { return backend->spec().weight > 0; });
}

Milliseconds Target::patience() const {
    return has_backend() && has_served ? std::min(hold, kRestarts) : hold;
}

Milliseconds Target::patience_since(std::int64_t since) const {
    // With many who wait, the last one's turn comes later.
    const std::int64_t from = has_backend() ? std::max(since, routed_since) : since;
    return patience() - Milliseconds(loop.timers().now() - from);
}

std::optional<Milliseconds> Target::wait(Waiter& waiter, std::int64_t& since) {
    if (since == 0) since = loop.timers().now();
    const Milliseconds left = patience_since(since);
    if (left.count() <= 0 || waiting.size() >= kMaxWaiting) return std::nullopt;
    waiting.push_back(&waiter);
    hurries = false;
    if (has_backend() && !release.is_set()) release.set(kAskAgain);
    return left;
}

void Target::routed() {
    routed_since = loop.timers().now();
    if (!has_backend()) return;
    hurries = true;
    on_due();
}

void Target::connected() {
    has_served = true;
    if (waiting.empty() || hurries) return;
    hurries = true;
    release.set(kPace);
}

void Target::on_due() {
    if (!has_backend()) return;
    const std::size_t count = std::min(waiting.size(), hurries ? kAtOnce : 1);
    for (std::size_t i = 0; i < count && !waiting.empty(); ++i) {
        Waiter* next = waiting.front();
        waiting.pop_front();
        next->on_backend();
    }
    if (!waiting.empty()) release.set(hurries ? kPace : kAskAgain);
}

}  // namespace crank::gateway
