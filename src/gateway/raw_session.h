// A TCP connection that is handed on as it is.
#pragma once

#include "gateway/connection.h"
#include "gateway/dial.h"
#include "gateway/relay.h"

namespace crank::gateway {

class RawSession final : public Connection, public Waiter {
public:
    // `first`: what has come from the client already.
    RawSession(Context& context, Origin origin, std::unique_ptr<Socket> client, Buffer first);

    // Instead of a connection of its own: one that was begun for this client. Before its start.
    void take_over(Dial& dial) { dial_.take_over(dial); }

    void start() override;
    void on_ready(Socket& socket) override;
    void on_due() override;
    void on_turn() override { run(); }
    void on_backend() override;
    void cut() override;
    void end() override { reset(); }

private:
    enum class Phase : std::uint8_t { held, connecting, relay, over };
    void after(Dialled dialled);
    bool wait_for_backend();
    void run();
    void finish();
    void reset();

    const Origin origin_;
    Target& target_;
    std::unique_ptr<Socket> client_;
    Buffer up_, down_;
    Way up_way_, down_way_;
    Dial dial_;
    Timer timer_;
    std::int64_t held_since_ = 0;  // 0: it was not
    Phase phase_ = Phase::connecting;
};

}  // namespace crank::gateway
