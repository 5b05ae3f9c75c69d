// HttpSession, towards the backend: a request's head, its backend, its body.
#include "gateway/http_session.h"

#include "sys/unix_socket.h"

namespace crank::gateway {

namespace {
constexpr Milliseconds kBody{60'000};  // without a byte of it from the client
}

void HttpSession::take_request(std::size_t head_size) {
    RequestHead head;
    request_ = {};
    response_ = {};
    auto parsed = parse_request(in_.data().substr(0, head_size), head);
    if (!parsed) return refuse(parsed.error());
    request_.to_head = head.method == "HEAD";
    auto wish = wish_of(head);
    if (!wish) return refuse(wish.error());
    timer_.cancel();
    request_.minor = head.minor;
    request_.keep_alive = wish->keep_alive;
    request_.upgrade = wish->upgrade;
    request_.idempotent = wish->idempotent;
    request_.bodiless = wish->framing.kind == BodyKind::none;
    request_.expects = lists(head.fields, FieldKind::expect, "100-continue");
    request_.body = BodyScanner(wish->framing);
    write_request(head, *wish, {origin_.peer, origin_.listener->host()}, request_.head);
    in_.consume(head_size);
    ++context_.totals.requests;
    held_since_ = 0;
    find_backend();
}

void HttpSession::find_backend() {
    dial_.forget_tries();
    after(dial_.next(target_, reuse_for_request()));
}

// False: it has waited long enough, or too many wait.
bool HttpSession::wait_for_backend() {
    const auto left = target_.wait(*this, held_since_);
    if (!left) return false;
    phase_ = Phase::held;
    timer_.set(*left);
    return true;
}

// Whether a connection that was idle still stands shows when it is used, and where it broke, nobody
// can know what the backend has read: only what may be done twice takes it. An upgrade has its
// connection for itself.
Dial::Reuse HttpSession::reuse_for_request() const {
    return request_.may_repeat() && !request_.upgrade ? Dial::Reuse::allowed : Dial::Reuse::fresh;
}

void HttpSession::on_backend() {
    find_backend();
    run();
}

void HttpSession::after(Dialled dialled) {
    timer_.cancel();
    switch (dialled) {
        case Dialled::connecting:
            phase_ = Phase::connecting;
            timer_.set(kConnectTime);
            return;
        case Dialled::connected:
            target_.connected();
            phase_ = Phase::exchange;
            expect_body();
            return;
        case Dialled::no_backend:
            if (wait_for_backend()) return;
            if (target_.waiting.size() >= Target::kMaxWaiting)
                return cannot_serve(503, "too many requests wait for " + target_.name);
            return cannot_serve(503, "no backend of " + target_.name + " is running");
        case Dialled::none_left:
            if (wait_for_backend()) return;
            return cannot_serve(502, "no backend of " + target_.name + " takes connections");
        case Dialled::exhausted:
            return cannot_serve(503, "the gateway has no descriptor left for " + target_.name);
    }
}

bool HttpSession::exchange() {
    const bool sent = send_request();
    if (phase_ != Phase::exchange) return true;
    const bool received = receive_response();
    return sent || received;
}

bool HttpSession::send_request() {
    Request& request = request_;
    if (request.abandoned) return drop_body();
    if (request.is_sent()) return pass_end();
    bool moved = read_body();
    if (phase_ != Phase::exchange || !scan_body()) return true;
    const std::string_view head = std::string_view(request.head).substr(request.head_sent);
    const std::string_view body = in_.data().substr(0, request.ready);
    if (head.empty() && body.empty()) return moved;
    const sys::Moved sent = dial_.socket().send(head, body);
    if (sent.flow == sys::Flow::broken) {
        // What the backend has answered before it closed can still be read.
        request.abandoned = true;
        return true;
    }
    const std::size_t of_head = std::min(sent.bytes, head.size());
    request.head_sent += of_head;
    request.ready -= sent.bytes - of_head;
    in_.consume(sent.bytes - of_head);
    if (sent.bytes > 0) expect_body();
    return moved || sent.bytes > 0;
}

void HttpSession::expect_body() { request_.body.is_whole() ? timer_.cancel() : timer_.set(kBody); }

// Whom the body waits for: its client, unless the backend has yet to take what is there, or to say
// that it wants more.
void HttpSession::on_stall() {
    const bool taken = request_.ready == 0 && request_.head_sent == request_.head.size();
    if (!taken || (request_.expects && !response_.answered)) return expect_body();
    ++context_.totals.failed;
    reply(408, "no byte of the request's body came in 60 seconds", false);
}

// A client that has ended its side may have gone, or wait for its answer: as without a gateway, the
// backend decides what that means.
bool HttpSession::pass_end() {
    if (!client_->ended || request_.ended) return false;
    request_.ended = true;
    (void)sys::finish_sending(dial_.socket().fd());
    return true;
}

bool HttpSession::read_body() {
    // What is there goes first.
    if (request_.body.is_whole() || in_.data().size() > request_.ready || in_.is_full())
        return false;
    switch (client_->receive(in_)) {
        case sys::Flow::moved: expect_body(); return true;
        case sys::Flow::blocked: return false;
        // In the middle of a request: the backend must not take it for whole.
        default: finish(); return true;
    }
}

bool HttpSession::scan_body() {
    if (request_.body.is_whole()) return true;
    auto taken = request_.body.take(in_.data().substr(request_.ready));
    if (!taken) {
        refuse(taken.error());
        return false;
    }
    request_.ready += *taken;
    if (request_.body.is_whole()) timer_.cancel();
    return true;
}

bool HttpSession::drop_body() {
    if (request_.body.is_whole() && request_.ready == 0) return false;
    const bool moved = read_body();
    if (phase_ != Phase::exchange || !scan_body()) return true;
    in_.consume(request_.ready);
    request_.ready = 0;
    return moved;
}

// On a fresh connection.
void HttpSession::repeat() {
    ++context_.totals.retries;
    dial_.hang_up();
    down_.clear();
    request_.head_sent = 0;
    request_.abandoned = request_.ended = false;
    after(dial_.next(target_, Dial::Reuse::fresh));
}

}  // namespace crank::gateway
