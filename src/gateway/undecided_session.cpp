#include "gateway/undecided_session.h"

#include <algorithm>

#include "gateway/http_session.h"
#include "gateway/raw_session.h"
#include "gateway/sniff.h"

namespace crank::gateway {

namespace {

constexpr Milliseconds kSilence{100};   // then the server may be the one who speaks first
constexpr Milliseconds kReady{75'000};  // as between two requests
constexpr Milliseconds kBegun{30'000};  // as for a head
constexpr Milliseconds kAgain{250};     // while no backend takes connections

}  // namespace

UndecidedSession::UndecidedSession(Context& context, Origin origin, std::unique_ptr<Socket> client)
    : Connection(context),
      origin_(std::move(origin)),
      target_(context.router.target(origin_.listener->target)),
      client_(std::move(client)),
      in_(context.loop.buffers()),
      dial_(context, *this, *this),
      timer_(context.loop.timers(), *this) {
    client_->owner = this;
}

void UndecidedSession::start() {
    const Listener& listener = *origin_.listener;
    timer_.set(listener.speaks_first && !listener.answers_http ? Milliseconds(0) : kSilence);
}

void UndecidedSession::on_ready(Socket& socket) {
    if (phase_ == Phase::over) return;
    if (&socket == client_.get()) return hear();
    if (phase_ == Phase::connecting) after(dial_.go_on(target_));
    // An end is passed on too, as without a gateway.
    if (phase_ != Phase::connected || !dial_.socket().readable) return;
    if (in_.empty()) origin_.listener->speaks_first = true;
    become_raw();
}

void UndecidedSession::hear() {
    while (phase_ != Phase::over) {
        const bool first = in_.empty();
        const sys::Flow flow = client_->receive(in_);
        if (flow == sys::Flow::blocked) return;
        if (flow == sys::Flow::broken) return end();
        const Sniffed sniffed = sniff(in_.data());
        if (sniffed == Sniffed::http) return become_http();
        if (sniffed == Sniffed::raw || flow == sys::Flow::ended || in_.is_full())
            return become_raw();
        if (!first) continue;
        timer_.set(kBegun);
        // The server may speak before it is decided.
        if (phase_ == Phase::connected) continue;
        dial_.hang_up();
        phase_ = Phase::begun;
    }
}

void UndecidedSession::on_due() {
    switch (phase_) {
        case Phase::silent:
            if (!origin_.listener->answers_http) return connect();
            phase_ = Phase::ready;
            return timer_.set(kReady);
        case Phase::connecting: return after(dial_.give_up(target_));
        case Phase::unserved: return connect();
        case Phase::ready: return end();
        case Phase::begun:
        case Phase::connected: return origin_.listener->answers_http ? become_http() : become_raw();
        case Phase::over: return;
    }
}

void UndecidedSession::connect() {
    dial_.forget_tries();
    after(dial_.next(target_, Dial::Reuse::fresh));
}

void UndecidedSession::after(Dialled dialled) {
    timer_.cancel();
    switch (dialled) {
        case Dialled::connecting: phase_ = Phase::connecting; return timer_.set(kConnectTime);
        case Dialled::connected:
            target_.connected();
            unserved_since_ = 0;
            phase_ = Phase::connected;
            return;
        case Dialled::no_backend:
        case Dialled::none_left: return give_up();
        case Dialled::exhausted: ++context_.totals.failed; return end();
    }
}

// As a raw connection, once it has waited long enough.
void UndecidedSession::give_up() {
    if (unserved_since_ == 0) unserved_since_ = context_.loop.timers().now();
    const Milliseconds left = target_.patience_since(unserved_since_);
    if (left.count() <= 0) {
        ++context_.totals.failed;
        return end();
    }
    phase_ = Phase::unserved;
    timer_.set(std::min(left, kAgain));
}

void UndecidedSession::move_on() {
    dial_.hang_up();
    if (in_.empty()) return connect();
    phase_ = Phase::begun;
    timer_.set(kBegun);
}

void UndecidedSession::end_if_idle() {
    if (in_.empty()) end();
}

void UndecidedSession::become_http() {
    dial_.hang_up();
    become(std::make_unique<HttpSession>(context_, origin_, std::move(client_), std::move(in_)));
}

void UndecidedSession::become_raw() {
    auto session =
        std::make_unique<RawSession>(context_, origin_, std::move(client_), std::move(in_));
    if (dial_.upstream.socket) session->take_over(dial_);
    become(std::move(session));
}

void UndecidedSession::become(std::unique_ptr<Connection> session) {
    phase_ = Phase::over;
    timer_.cancel();
    // In this order, so that the last connection of a process that stops is not missed.
    context_.connections.add(std::move(session));
    leave();
}

void UndecidedSession::end() {
    if (phase_ == Phase::over) return;
    phase_ = Phase::over;
    timer_.cancel();
    dial_.hang_up();
    context_.loop.close(std::move(client_));
    leave();
}

}  // namespace crank::gateway
