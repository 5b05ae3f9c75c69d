#include "gateway/accept.h"

#include "gateway/http_session.h"
#include "gateway/raw_session.h"
#include "gateway/undecided_session.h"
#include "sys/poll.h"

namespace crank::gateway {

namespace {

constexpr Milliseconds kPause{100};  // where there are no descriptors
constexpr int kAtOnce = 64;

}  // namespace

Acceptor::Acceptor(Context& context, std::shared_ptr<Listener> listener)
    : context_(context), listener_(std::move(listener)), timer_(context.loop.timers(), *this) {}

Result<std::unique_ptr<Acceptor>> Acceptor::open(Context& context, sys::UniqueFd fd,
                                                 std::shared_ptr<Listener> listener) {
    TRY(sys::check_listener(fd.get()));
    TRY(sys::set_nonblocking(fd.get()));
    auto acceptor = std::make_unique<Acceptor>(context, std::move(listener));
    acceptor->socket_ = TRY(context.loop.watch(std::move(fd), acceptor.get(), Trigger::level));
    return acceptor;
}

void Acceptor::on_ready(Socket&) {
    if (take(kAtOnce) != Took::none_left) return;
    context_.loop.pause(*socket_);
    timer_.set(kPause);
}

void Acceptor::on_due() {
    if (!socket_) return;
    // Without memory for it in the kernel, the next pause tries again.
    if (!context_.loop.resume(*socket_)) timer_.set(kPause);
}

Acceptor::Took Acceptor::take(int most) {
    for (int i = 0; i < most; ++i) {
        if (!context_.loop.has_room()) return Took::none_left;
        sys::AcceptedStream accepted = sys::accept_stream(socket_->fd());
        switch (accepted.outcome) {
            case sys::AcceptOutcome::connection: welcome(std::move(accepted)); break;
            case sys::AcceptOutcome::none: return Took::all;
            case sys::AcceptOutcome::exhausted:
            case sys::AcceptOutcome::failed: return Took::none_left;
        }
    }
    return Took::some;
}

void Acceptor::welcome(sys::AcceptedStream accepted) {
    ++context_.totals.connections;
    sys::set_no_delay(accepted.fd.get());
    sys::keep_alive(accepted.fd.get());
    auto socket = context_.loop.watch(std::move(accepted.fd), nullptr, Trigger::edges);
    if (!socket) return;
    (*socket)->writable = true;
    Origin origin{listener_, std::move(accepted.peer)};
    std::unique_ptr<Connection> connection;
    switch (listener_->protocol) {
        case Protocol::http:
            connection = std::make_unique<HttpSession>(
                context_, std::move(origin), std::move(*socket), Buffer(context_.loop.buffers()));
            break;
        case Protocol::tcp:
            connection = std::make_unique<RawSession>(
                context_, std::move(origin), std::move(*socket), Buffer(context_.loop.buffers()));
            break;
        case Protocol::automatic:
            connection =
                std::make_unique<UndecidedSession>(context_, std::move(origin), std::move(*socket));
            break;
    }
    context_.connections.add(std::move(connection));
}

void Acceptor::close() {
    take_all();
    close_now();
}

void Acceptor::give_way() {
    take_all();
    context_.loop.close(std::move(socket_));
}

void Acceptor::close_now() {
    timer_.cancel();
    sys::stop_listening(socket_->fd());
    context_.loop.close(std::move(socket_));
}

void Acceptor::take_all() {
    timer_.cancel();
    while (take(kAtOnce) == Took::some) continue;
}

}  // namespace crank::gateway
