#include "gateway/loop.h"

#include <algorithm>

#include "sys/system.h"

namespace crank::gateway {

sys::Flow Socket::receive(Buffer& into) {
    if (!readable) return sys::Flow::blocked;
    std::span<char> space = into.space();
    const sys::Moved moved = sys::receive(fd(), space);
    into.wrote(moved.bytes);
    // Fewer than there was room for: the next ones come with an event, unless the end is there.
    if (moved.flow == sys::Flow::blocked ||
        (moved.flow == sys::Flow::moved && !ended && moved.bytes < space.size()))
        readable = false;
    return moved.flow;
}

sys::Moved Socket::send(std::string_view first, std::string_view second) {
    if (!writable) return {};
    const sys::Moved moved = sys::send_both(fd(), first, second);
    if (moved.flow == sys::Flow::blocked ||
        (moved.flow == sys::Flow::moved && moved.bytes < first.size() + second.size()))
        writable = false;
    // What the other side had still to say can be read, and its end.
    if (moved.flow == sys::Flow::broken) readable = true;
    return moved;
}

Timer::~Timer() { timers_.remove(*this); }

void Timer::set(Milliseconds from_now) {
    due_ = timers_.now() + from_now.count();
    // Where it stands earlier, it finds out when its turn comes.
    if (queued_ == 0 || queued_ > due_) timers_.queue(*this, due_);
}

Timers::Timers() { update(); }

void Timers::update() { now_ = sys::monotonic_clock_ns() / 1'000'000 + skipped_; }

void Timers::queue(Timer& timer, std::int64_t at) {
    remove(timer);
    timer.queued_ = at;
    queue_.emplace(at, &timer);
}

void Timers::remove(Timer& timer) {
    if (timer.queued_ != 0) queue_.erase({timer.queued_, &timer});
    timer.queued_ = 0;
}

std::optional<Milliseconds> Timers::until_next() const {
    if (queue_.empty()) return std::nullopt;
    // A timer of this very millisecond is due in the next.
    return Milliseconds(std::max<std::int64_t>(queue_.begin()->first - now_, 0));
}

void Timers::run_due() {
    while (!queue_.empty() && queue_.begin()->first <= now_) {
        Timer& timer = *queue_.begin()->second;
        remove(timer);
        if (timer.due_ == 0) continue;
        if (timer.due_ > now_) {
            queue(timer, timer.due_);
            continue;
        }
        timer.due_ = 0;
        timer.owner_.on_due();
    }
}

Result<std::unique_ptr<Loop>> Loop::create() {
    return std::unique_ptr<Loop>(new Loop(TRY(sys::Epoll::open())));
}

Result<std::unique_ptr<Socket>> Loop::watch(sys::UniqueFd fd, Watcher* owner, Trigger trigger) {
    auto socket = std::make_unique<Socket>(std::move(fd));
    socket->owner = owner;
    socket->shared_ = trigger == Trigger::level;
    if (trigger == Trigger::edges)
        TRY(epoll_.add_edges(socket->fd(), socket.get()));
    else
        TRY(epoll_.add_level(socket->fd(), socket.get()));
    ++open_;
    return socket;
}

void Loop::close(std::unique_ptr<Socket> socket) {
    if (!socket) return;
    if (socket->shared_) epoll_.remove(socket->fd());
    socket->fd_.reset();
    --open_;
    socket->owner = nullptr;
    closed_.push_back(std::move(socket));
}

void Loop::retire(std::unique_ptr<Watcher> watcher) {
    std::erase(turns_, watcher.get());
    retired_.push_back(std::move(watcher));
}

Result<> Loop::run_round(Wait wait) {
    std::optional<Milliseconds> deadline = timers_.until_next();
    if (!turns_.empty() || wait == Wait::not_at_all) deadline = Milliseconds(0);
    auto ready = TRY(epoll_.wait(deadline));
    timers_.update();
    std::vector<Watcher*> turns = std::exchange(turns_, {});
    for (const sys::ReadyEvent& event : ready) {
        Socket& socket = *static_cast<Socket*>(event.owner);
        if (socket.owner == nullptr) continue;
        socket.readable |= event.readable;
        socket.writable |= event.writable;
        socket.ended |= event.ended;
        socket.failed |= event.failed;
        socket.owner->on_ready(socket);
    }
    for (Watcher* watcher : turns) {
        const bool over = std::ranges::any_of(
            retired_, [watcher](const auto& retired) { return retired.get() == watcher; });
        if (!over) watcher->on_turn();
    }
    timers_.run_due();
    clear();
    return {};
}

void Loop::clear() {
    closed_.clear();
    retired_.clear();
}

}  // namespace crank::gateway
