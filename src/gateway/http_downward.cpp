// HttpSession, towards the client: the response's head, its body, and what becomes of the
// connections afterwards.
#include "gateway/http_session.h"

namespace crank::gateway {

namespace {
constexpr int kServerError = 500;  // and above: RFC 9110, section 15.6
}

bool HttpSession::receive_response() {
    bool moved = false;
    // Not before what is there has gone: a slow client stops the backend.
    if (down_.data().size() == (response_.has_head ? response_.ready : response_.seen) &&
        !down_.is_full() && out_.size() < BufferPool::kBlock &&
        (!response_.has_head || !response_.body.is_whole())) {
        switch (const sys::Flow flow = dial_.socket().receive(down_)) {
            case sys::Flow::blocked: break;
            case sys::Flow::moved: moved = true; break;
            case sys::Flow::ended:
            case sys::Flow::broken: upstream_ended(flow); return true;
        }
    }
    while (!response_.has_head && down_.data().size() > response_.seen) {
        if (!take_response_head()) break;
        if (phase_ != Phase::exchange) return true;
        moved = true;
    }
    if (response_.has_head && !scan_response()) return true;
    std::size_t sent = 0;
    if (!flush(down_.data().substr(0, response_.ready), sent)) {
        finish();
        return true;
    }
    down_.consume(sent);
    response_.ready -= sent;
    if (is_answered()) {
        end_exchange();
        return true;
    }
    return moved || sent > 0;
}

bool HttpSession::is_answered() const {
    return response_.has_head && response_.body.is_whole() && response_.ready == 0 && out_.empty();
}

// True: a head was taken. The session may have ended with it.
bool HttpSession::take_response_head() {
    const HeadEnd end = find_head_end(down_.data(), response_.seen);
    if (end.found == HeadEnd::Found::more) {
        response_.seen = down_.data().size();
        if (response_.seen < kMaxHead) return false;
        cannot_serve(502, "the head of the response of " + target_.name + " is longer than 64 KiB");
        return true;
    }
    ResponseHead head;
    Read<> parsed = end.found == HeadEnd::Found::whole
                        ? parse_response(down_.data().substr(0, end.size), head)
                        : gateway::refuse(502, "a line does not end with CR LF");
    if (!parsed) {
        cannot_serve(
            502, target_.name + " has not answered as HTTP: " + std::string(parsed.error().why));
        return true;
    }
    origin_.listener->answers_http = true;
    if (head.status >= kServerError) ++dial_.lease.backend().errors;
    if (!begin_response(head)) return true;
    response_.seen = 0;
    response_.answered = true;
    down_.consume(end.size);
    return true;
}

bool HttpSession::begin_response(const ResponseHead& head) {
    if (head.status == 101) {
        if (!request_.upgrade) {
            cannot_serve(502, target_.name + " changes a protocol that nobody asked to change");
            return false;
        }
        write_response(head, {.upgraded = true}, out_);
        ++context_.totals.tunnels;
        phase_ = Phase::tunnel;
        return true;
    }
    if (head.status < 200) {
        // HTTP/1.0 knows none of them (RFC 9110 section 15.2).
        if (request_.minor == 1) write_response(head, {}, out_);
        expect_body();
        return true;
    }
    auto framing = response_framing(head, request_.to_head);
    if (!framing) {
        cannot_serve(
            502, target_.name + " has not answered as HTTP: " + std::string(framing.error().why));
        return false;
    }
    const bool chunked = framing->kind == BodyKind::chunked;
    response_.has_head = true;
    response_.unchunked = chunked && request_.minor == 0;
    response_.body = BodyScanner(*framing);
    const bool until_close = framing->kind == BodyKind::until_close;
    response_.reusable = keeps_connection(head) && !until_close;
    // A response that comes before the request is whole may be its last word.
    keep_alive_ = request_.keep_alive && !until_close && !response_.unchunked &&
                  request_.is_sent() && !context_.stopping;
    write_response(head,
                   {.client_minor = request_.minor,
                    .keep_alive = keep_alive_,
                    .chunked = chunked && !response_.unchunked},
                   out_);
    return true;
}

bool HttpSession::scan_response() {
    if (response_.body.is_whole()) return true;
    // Unpacked chunks wait in `out_` until it is empty.
    if (response_.unchunked && out_.size() >= BufferPool::kBlock) return true;
    auto taken = response_.body.take(down_.data().substr(response_.ready),
                                     response_.unchunked ? &out_ : nullptr);
    if (!taken) {
        context_.log("response of " + target_.name + ": " + std::string(taken.error().why));
        finish();
        return false;
    }
    if (response_.unchunked)
        down_.consume(*taken);
    else
        response_.ready += *taken;
    return true;
}

void HttpSession::upstream_ended(sys::Flow how) {
    if (!response_.has_head) return ended_unanswered();
    if (how == sys::Flow::ended && response_.body.end_of_stream()) return;
    ++dial_.lease.backend().failures;
    finish();
}

// A connection that was closed while it was idle costs no request that may be sent twice, nor does
// a server that ends. Of any other the backend may have read all.
void HttpSession::ended_unanswered() {
    const bool said_nothing = !response_.answered && down_.empty();
    const bool was_idle = dial_.upstream.reused;
    if (!said_nothing || !request_.may_repeat() || (!was_idle && request_.repeated))
        return not_answered();
    // Once from a fresh connection: it may be the request that ends its server.
    request_.repeated = request_.repeated || !was_idle;
    repeat();
}

void HttpSession::not_answered() {
    ++dial_.lease.backend().failures;
    cannot_serve(502, target_.name + " closed the connection before it answered");
}

void HttpSession::end_exchange() {
    const bool whole = request_.is_sent() && !request_.abandoned;
    if (response_.reusable && whole && !request_.ended && down_.empty())
        dial_.keep();
    else
        dial_.hang_up();
    down_.clear();
    // What is left of the request is thrown away, so the connection is of no more use.
    keep_alive_&& whole ? begin_head() : close_after_answer();
}

}  // namespace crank::gateway
