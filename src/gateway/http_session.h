// A client's HTTP/1 connection: each of its requests goes to a backend of its own choice.
//
// Two directions run at the same time while a request is at a backend: its head and body go there
// (http_upward.cpp), the response comes back (http_downward.cpp). Nothing is kept that is not on
// its way: each direction has one bounded buffer, and a full one stops its sender.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/connection.h"
#include "gateway/dial.h"
#include "gateway/http_body.h"
#include "gateway/http_head.h"
#include "gateway/http_rewrite.h"
#include "gateway/relay.h"

namespace crank::gateway {

class HttpSession final : public Connection, public Waiter {
public:
    // `first`: what has come from the client already.
    HttpSession(Context& context, Origin origin, std::unique_ptr<Socket> client, Buffer first);

    void start() override;
    void on_ready(Socket& socket) override;
    void on_due() override;
    void on_turn() override { run(); }
    void on_backend() override;
    void end_if_idle() override;
    void cut() override;
    void lost() override;
    void end() override { finish(); }

private:
    enum class Phase : std::uint8_t {
        head,        // reads a request
        held,        // waits until the target has a backend
        connecting,  // to a backend
        exchange,    // request and response are on their way
        reply,       // an answer of the gateway's own is
        tunnel,      // after an upgrade
        linger,      // nothing more is sent; what the client still sends is thrown away
        over,
    };
    struct Request {
        int minor = 1;
        bool keep_alive = true, to_head = false, upgrade = false;
        bool bodiless = true;
        bool idempotent = false;
        bool expects = false;    // 100-continue: its client waits before it sends the body
        bool abandoned = false;  // the backend takes no more of it
        bool repeated = false;   // though it had been sent on a fresh connection
        bool ended = false;      // the backend has been told that no more comes
        BodyScanner body;
        std::size_t ready = 0;  // bytes at the front of `in_` that are its body
        std::string head;       // as it is sent
        std::size_t head_sent = 0;

        bool is_sent() const { return body.is_whole() && ready == 0 && head_sent == head.size(); }
        bool may_repeat() const { return idempotent && bodiless; }
    };
    struct Response {
        bool has_head = false;
        bool answered = false;  // the backend has said something, 1xx included
        bool reusable = false;  // the backend's connection, afterwards
        bool unchunked = false;
        std::size_t seen = 0;  // of a head that is not whole
        BodyScanner body;
        std::size_t ready = 0;  // bytes at the front of `down_` that are its body
    };

    // The steps of each phase; true: something has moved.
    bool step();
    bool read_head();
    bool exchange();
    bool send_reply();
    bool relay();
    bool discard();

    // http_session.cpp
    void run();
    void begin_head();
    void refuse(Refusal refusal);
    void reply(int status, const std::string& text, bool keep_alive);
    void cannot_serve(int status, const std::string& why);
    void close_after_answer();
    void linger();
    bool is_answered() const;
    bool is_torn() const;
    void finish();
    bool flush(std::string_view body, std::size_t& body_sent);

    // http_upward.cpp
    void take_request(std::size_t head_size);
    void find_backend();
    bool wait_for_backend();
    Dial::Reuse reuse_for_request() const;
    void after(Dialled dialled);
    bool send_request();
    bool read_body();
    bool scan_body();
    bool drop_body();
    void expect_body();
    void on_stall();
    bool pass_end();
    void repeat();

    // http_downward.cpp
    bool receive_response();
    void upstream_ended(sys::Flow how);
    void ended_unanswered();
    void not_answered();
    bool take_response_head();
    bool begin_response(const ResponseHead& head);
    bool scan_response();
    void end_exchange();

    const Origin origin_;
    Target& target_;
    std::unique_ptr<Socket> client_;
    Buffer in_, down_;  // from the client, from the backend
    std::string out_;   // heads and unpacked chunks for the client
    std::size_t out_sent_ = 0;
    Request request_;
    Response response_;
    bool keep_alive_ = true;  // after this response
    std::size_t head_seen_ = 0;
    Way up_way_, down_way_;
    Dial dial_;
    Timer timer_;
    std::int64_t held_since_ = 0;  // 0: it was not
    Phase phase_ = Phase::head;
};

}  // namespace crank::gateway
