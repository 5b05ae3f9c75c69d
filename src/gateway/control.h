// The control socket: many who ask, each one thing after the other.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "gateway/gateway.h"
#include "gateway/loop.h"

namespace crank::gateway {

class Control final : public Watcher {
public:
    // `fd`: a listening packet socket. Errors: failed_precondition where it is none.
    static Result<std::unique_ptr<Control>> open(Loop& loop, Gateway& gateway, sys::UniqueFd fd);
    Control(Loop& loop, Gateway& gateway);
    ~Control() override;

    void on_ready(Socket& socket) override;
    void on_due() override;

private:
    class Peer;
    void remove(Peer& peer);
    Loop& loop_;
    Gateway& gateway_;
    std::unique_ptr<Socket> socket_;
    std::list<std::unique_ptr<Peer>> peers_;
    Timer timer_;
};

}  // namespace crank::gateway
