// New connections of a listener, and what they speak.
#pragma once

#include <memory>

#include "gateway/connection.h"

namespace crank::gateway {

// One listening socket. It pauses for a moment where the process has no descriptor left.
class Acceptor final : public Watcher {
public:
    static Result<std::unique_ptr<Acceptor>> open(Context& context, sys::UniqueFd fd,
                                                  std::shared_ptr<Listener> listener);
    Acceptor(Context& context, std::shared_ptr<Listener> listener);

    const Listener& listener() const { return *listener_; }
    int fd() const { return socket_->fd(); }  // of one that was not closed
    void on_ready(Socket& socket) override;
    void on_due() override;
    // What has connected already is served; then nobody listens, whoever else has the socket.
    void close();
    // The same socket goes on under another acceptor.
    void give_way();
    // At once; whoever has just connected is reset.
    void close_now();

private:
    enum class Took : std::uint8_t { all, some, none_left };
    Took take(int most);
    void take_all();
    void welcome(sys::AcceptedStream accepted);

    Context& context_;
    std::shared_ptr<Listener> listener_;
    std::unique_ptr<Socket> socket_;
    Timer timer_;
};

}  // namespace crank::gateway
