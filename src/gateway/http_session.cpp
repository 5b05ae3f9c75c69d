#include "gateway/http_session.h"

#include "sys/unix_socket.h"

namespace crank::gateway {

namespace {

constexpr Milliseconds kIdle{75'000};   // between two requests
constexpr Milliseconds kHead{30'000};   // from a head's first byte to its last
constexpr Milliseconds kReply{30'000};  // for a client that does not read what it is told
constexpr Milliseconds kLinger{5'000};
// Steps before others have their turn; each moves at most a buffer's worth both ways.
constexpr int kTurns = 32;

}  // namespace

HttpSession::HttpSession(Context& context, Origin origin, std::unique_ptr<Socket> client,
                         Buffer first)
    : Connection(context),
      origin_(std::move(origin)),
      target_(context.router.target(origin_.listener->target)),
      client_(std::move(client)),
      in_(std::move(first)),
      down_(context.loop.buffers()),
      dial_(context, *this, *this),
      timer_(context.loop.timers(), *this) {
    client_->owner = this;
}

void HttpSession::start() {
    begin_head();
    run();
}

void HttpSession::on_ready(Socket& socket) {
    if (phase_ == Phase::over) return;
    if (phase_ == Phase::connecting && &socket != client_.get()) after(dial_.go_on(target_));
    run();
}

void HttpSession::on_due() {
    switch (phase_) {
        case Phase::head:
            if (in_.empty()) return finish();
            refuse({408, "the head of the request did not come in 30 seconds"});
            return run();
        case Phase::held:
            target_.leave(*this);
            if (target_.has_backend())
                find_backend();
            else if (!wait_for_backend())
                cannot_serve(503, "no backend of " + target_.name + " came in time");
            return run();
        case Phase::connecting: after(dial_.give_up(target_)); return run();
        case Phase::exchange: on_stall(); return run();
        case Phase::reply:
        case Phase::linger: return finish();
        default: return;
    }
}

void HttpSession::end_if_idle() {
    if (phase_ == Phase::head && in_.empty()) finish();
}

void HttpSession::run() {
    for (int turn = 0; turn < kTurns; ++turn)
        if (!step()) return;
    if (phase_ != Phase::over) context_.loop.again(*this);
}

bool HttpSession::step() {
    // It is gone, and not only quiet: nobody would read the response.
    const bool gone =
        client_ && client_->failed && phase_ != Phase::head && phase_ != Phase::linger;
    if (gone) finish();
    switch (phase_) {
        case Phase::head: return read_head();
        case Phase::exchange: return exchange();
        case Phase::reply: return send_reply();
        case Phase::tunnel: return relay();
        case Phase::linger: return discard();
        case Phase::held:
        case Phase::connecting:
        case Phase::over: return false;
    }
    return false;
}

void HttpSession::begin_head() {
    if (context_.stopping && in_.empty()) return linger();
    phase_ = Phase::head;
    head_seen_ = 0;
    timer_.set(in_.empty() ? kIdle : kHead);
}

bool HttpSession::read_head() {
    // RFC 9112 section 2.2
    while (head_seen_ <= 1 && in_.data().starts_with("\r\n")) {
        in_.consume(2);
        head_seen_ = 0;
    }
    if (in_.data().size() > head_seen_) {
        const HeadEnd end = find_head_end(in_.data(), head_seen_);
        if (end.found == HeadEnd::Found::whole) {
            take_request(end.size);
            return true;
        }
        if (end.found == HeadEnd::Found::bad) {
            refuse({400, "a line does not end with CR LF (RFC 9112 section 2.2)"});
            return true;
        }
        head_seen_ = in_.data().size();
        if (head_seen_ >= kMaxHead) {
            refuse({431, "the head of the request is longer than 64 KiB"});
            return true;
        }
    }
    const bool first = in_.empty();
    switch (client_->receive(in_)) {
        case sys::Flow::moved:
            if (first) timer_.set(kHead);
            return true;
        case sys::Flow::blocked: return false;
        default: finish(); return true;
    }
}

void HttpSession::refuse(Refusal refusal) {
    ++context_.totals.refused;
    reply(refusal.status, std::string(refusal.why), false);
}

void HttpSession::cannot_serve(int status, const std::string& why) {
    ++context_.totals.failed;
    const bool all_read = request_.body.is_whole() && request_.ready == 0;
    reply(status, why, request_.keep_alive && all_read && !context_.stopping);
}

void HttpSession::reply(int status, const std::string& text, bool keep_alive) {
    dial_.hang_up();
    down_.clear();
    if (response_.has_head) return finish();
    out_ += own_response(status, text, keep_alive, request_.to_head);
    keep_alive_ = keep_alive;
    phase_ = Phase::reply;
    timer_.set(kReply);
}

// The heads and what of `body` follows them. False: the client is gone.
bool HttpSession::flush(std::string_view body, std::size_t& body_sent) {
    body_sent = 0;
    const std::string_view heads = std::string_view(out_).substr(out_sent_);
    if (heads.empty() && body.empty()) return true;
    const sys::Moved moved = client_->send(heads, body);
    if (moved.flow == sys::Flow::broken) return false;
    const std::size_t of_heads = std::min(moved.bytes, heads.size());
    body_sent = moved.bytes - of_heads;
    out_sent_ += of_heads;
    if (out_sent_ == out_.size()) {
        out_.clear();
        out_sent_ = 0;
    }
    return true;
}

bool HttpSession::send_reply() {
    std::size_t none = 0;
    if (!flush({}, none)) {
        finish();
        return true;
    }
    if (!out_.empty()) return false;
    keep_alive_ ? begin_head() : close_after_answer();
    return true;
}

bool HttpSession::relay() {
    if (!out_.empty()) {
        std::size_t none = 0;
        if (!flush({}, none)) finish();
        return phase_ == Phase::tunnel && out_.empty();
    }
    const Passed up = pass(*client_, in_, dial_.socket(), up_way_);
    const Passed down = pass(dial_.socket(), down_, *client_, down_way_);
    if (up == Passed::reset || down == Passed::reset || (up_way_.told && down_way_.told)) {
        finish();
        return true;
    }
    return up == Passed::some || down == Passed::some;
}

void HttpSession::close_after_answer() {
    const bool all_read = request_.body.is_whole() && in_.empty() && sys::is_silent(client_->fd());
    all_read ? finish() : linger();
}

// Closing with bytes unread is a reset, which takes the response from the client again (RFC 9112
// section 9.6).
void HttpSession::linger() {
    dial_.hang_up();
    down_.clear();
    in_.clear();
    phase_ = Phase::linger;
    timer_.set(kLinger);
    (void)sys::finish_sending(client_->fd());
}

bool HttpSession::discard() {
    const sys::Flow flow = client_->receive(in_);
    in_.clear();
    if (flow == sys::Flow::ended || flow == sys::Flow::broken) finish();
    return flow == sys::Flow::moved;
}

void HttpSession::cut() {
    if (phase_ == Phase::connecting) {
        dial_.hang_up();
        find_backend();
        return context_.loop.again(*this);
    }
    if (phase_ != Phase::exchange || response_.has_head) return finish();
    // It has been sent, so it is not repeated; its client is told at least.
    ++context_.totals.failed;
    reply(503, "the backend of " + target_.name + " was stopped before it answered", false);
    context_.loop.again(*this);
}

void HttpSession::lost() {
    const bool again = phase_ == Phase::exchange && !response_.answered && request_.may_repeat() &&
                       !request_.repeated;
    if (!again) return cut();
    request_.repeated = true;
    repeat();
    context_.loop.again(*this);
}

// What the client has is not all of it, and may look so: a body can be framed by the end of its
// connection, and so is a tunnel. Only a reset says otherwise.
bool HttpSession::is_torn() const {
    if (phase_ == Phase::tunnel) return !out_.empty() || !up_way_.told || !down_way_.told;
    return !out_.empty() || (phase_ == Phase::exchange && response_.has_head && !is_answered());
}

void HttpSession::finish() {
    if (phase_ == Phase::over) return;
    if (is_torn()) {
        sys::reset_at_close(client_->fd());
        if (phase_ == Phase::tunnel) sys::reset_at_close(dial_.socket().fd());
    }
    if (phase_ == Phase::held) target_.leave(*this);
    phase_ = Phase::over;
    timer_.cancel();
    context_.loop.close(std::move(client_));
    dial_.hang_up();
    leave();
}

}  // namespace crank::gateway
