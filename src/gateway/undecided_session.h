// A connection of which nobody knows yet what it speaks.
//
// Time decides nothing: a client that is silent may keep a connection ready, or wait until its
// server speaks. So after a moment a backend is connected to, and whoever speaks first decides: the
// server, then it is relayed as it is; or the client, by what it says.
#pragma once

#include "gateway/connection.h"
#include "gateway/dial.h"

namespace crank::gateway {

class UndecidedSession final : public Connection {
public:
    UndecidedSession(Context& context, Origin origin, std::unique_ptr<Socket> client);

    void start() override;
    void on_ready(Socket& socket) override;
    void on_due() override;
    void end_if_idle() override;
    void cut() override { move_on(); }
    // Nothing was said through it, so another backend serves as well.
    void move_on() override;
    void end() override;

private:
    enum class Phase : std::uint8_t {
        silent,      // both, for a moment
        ready,       // so is a client of HTTP between two requests
        connecting,  // to a backend
        connected,   // whoever speaks first decides
        unserved,    // no backend takes connections
        begun,       // what has come may become a request
        over,
    };
    void hear();
    void connect();
    void after(Dialled dialled);
    void become_http();
    void become_raw();
    void become(std::unique_ptr<Connection> session);
    void give_up();

    const Origin origin_;
    Target& target_;
    std::unique_ptr<Socket> client_;
    Buffer in_;
    Dial dial_;
    Timer timer_;
    std::int64_t unserved_since_ = 0;  // 0: it was not
    Phase phase_ = Phase::silent;
};

}  // namespace crank::gateway
