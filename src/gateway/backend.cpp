#include "gateway/backend.h"

#include <algorithm>

namespace crank::gateway {

namespace {
constexpr Milliseconds kPassedOver{1000};
constexpr std::size_t kMaxIdle = 256;
}  // namespace

Upstream Backend::take_idle() {
    while (!idle_.empty()) {
        // The one used last: the least likely to be closed on the other side.
        Upstream upstream = std::move(idle_.back().upstream);
        idle_.pop_back();
        if (sys::is_silent(upstream.socket->fd())) {
            upstream.reused = true;
            return upstream;
        }
        loop_.close(std::move(upstream.socket));
    }
    return {};
}

void Backend::keep_idle(Upstream upstream) {
    if (!routed || idle_.size() >= kMaxIdle) {
        loop_.close(std::move(upstream.socket));
        return;
    }
    upstream.socket->owner = this;
    if (idle_.empty()) timer_.set(kIdle);
    idle_.push_back({std::move(upstream), loop_.timers().now()});
}

// Anything that comes, an end above all, makes it useless.
void Backend::on_ready(Socket& socket) {
    if (!socket.readable) return;
    auto at = std::ranges::find_if(
        idle_, [&](const Idle& idle) { return idle.upstream.socket.get() == &socket; });
    if (at == idle_.end()) return;
    loop_.close(std::move(at->upstream.socket));
    idle_.erase(at);
}

void Backend::on_due() {
    const std::int64_t now = loop_.timers().now();
    auto young = std::ranges::find_if(
        idle_, [now](const Idle& idle) { return idle.since + kIdle.count() > now; });
    for (auto old = idle_.begin(); old != young; ++old)
        loop_.close(std::move(old->upstream.socket));
    idle_.erase(idle_.begin(), young);
    if (!idle_.empty()) timer_.set(Milliseconds(idle_.front().since + kIdle.count() - now));
}

void Backend::close_idle() {
    for (Idle& idle : idle_) loop_.close(std::move(idle.upstream.socket));
    idle_.clear();
}

void Backend::pass_over() {
    ++failures;
    passed_over_until_ = loop_.timers().now() + kPassedOver.count();
}

}  // namespace crank::gateway
