#include "gateway/raw_session.h"

namespace crank::gateway {

namespace {
// Buffers' worth in each direction before others have their turn.
constexpr int kTurns = 16;
}  // namespace

RawSession::RawSession(Context& context, Origin origin, std::unique_ptr<Socket> client,
                       Buffer first)
    : Connection(context),
      origin_(std::move(origin)),
      target_(context.router.target(origin_.listener->target)),
      client_(std::move(client)),
      up_(std::move(first)),
      down_(context.loop.buffers()),
      dial_(context, *this, *this),
      timer_(context.loop.timers(), *this) {
    client_->owner = this;
}

void RawSession::start() {
    ++context_.totals.tunnels;
    after(dial_.upstream.socket ? dial_.go_on(target_) : dial_.next(target_, Dial::Reuse::fresh));
}

void RawSession::after(Dialled dialled) {
    timer_.cancel();
    switch (dialled) {
        case Dialled::connecting:
            phase_ = Phase::connecting;
            timer_.set(kConnectTime);
            return;
        case Dialled::connected:
            target_.connected();
            phase_ = Phase::relay;
            run();
            return;
        case Dialled::no_backend:
        case Dialled::none_left:
            if (wait_for_backend()) return;
            [[fallthrough]];
        case Dialled::exhausted:
            ++context_.totals.failed;
            finish();
            return;
    }
}

// False: it has waited long enough, or too many wait.
bool RawSession::wait_for_backend() {
    const auto left = target_.wait(*this, held_since_);
    if (!left) return false;
    phase_ = Phase::held;
    timer_.set(*left);
    return true;
}

void RawSession::on_backend() {
    dial_.forget_tries();
    after(dial_.next(target_, Dial::Reuse::fresh));
}

void RawSession::on_ready(Socket& socket) {
    if (phase_ == Phase::over) return;
    if (phase_ == Phase::relay) return run();
    if (&socket == client_.get()) {
        if (socket.failed) finish();
    } else if (phase_ == Phase::connecting) {
        after(dial_.go_on(target_));
    }
}

void RawSession::on_due() {
    if (phase_ == Phase::connecting) return after(dial_.give_up(target_));
    if (phase_ != Phase::held) return;
    target_.leave(*this);
    if (target_.has_backend()) return on_backend();
    if (wait_for_backend()) return;
    ++context_.totals.failed;
    finish();
}

void RawSession::run() {
    if (phase_ != Phase::relay) return;
    for (int turn = 0; turn < kTurns; ++turn) {
        const Passed up = pass(*client_, up_, dial_.socket(), up_way_);
        const Passed down = pass(dial_.socket(), down_, *client_, down_way_);
        if (up == Passed::reset || down == Passed::reset) return reset();
        if (up_way_.told && down_way_.told) return finish();
        if (up == Passed::nothing && down == Passed::nothing) return;
    }
    context_.loop.again(*this);
}

// What is not even connected can go through another backend.
void RawSession::cut() {
    if (phase_ != Phase::connecting) return reset();
    dial_.hang_up();
    on_backend();
}

// Neither side may take what it has for all there was.
void RawSession::reset() {
    if (phase_ == Phase::over) return;
    sys::reset_at_close(client_->fd());
    if (phase_ == Phase::relay) sys::reset_at_close(dial_.socket().fd());
    finish();
}

void RawSession::finish() {
    if (phase_ == Phase::over) return;
    if (phase_ == Phase::held) target_.leave(*this);
    phase_ = Phase::over;
    timer_.cancel();
    context_.loop.close(std::move(client_));
    dial_.hang_up();
    leave();
}

}  // namespace crank::gateway
