// The way to a backend: one after the other, until a connection stands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/connection.h"

namespace crank::gateway {

enum class Dialled : std::uint8_t {
    connected,
    connecting,  // on_ready and on_due of its owner lead to go_on and give_up
    no_backend,  // the target has none
    none_left,   // all of them refused
    exhausted,   // this process has no descriptor left
};

class Dial {
public:
    // `owner` is told of the connection and is what `user` cuts.
    Dial(Context& context, Watcher& owner, User& user)
        : context_(context), owner_(owner), user_(user) {}
    ~Dial() { hang_up(); }

    enum class Reuse : std::uint8_t {
        allowed,
        fresh,
    };
    Dialled next(Target& target, Reuse reuse);
    Dialled go_on(Target& target);    // something has happened to the connection
    Dialled give_up(Target& target);  // nothing has, for too long
    // The connection that another has begun, and its lease.
    void take_over(Dial& other);
    // Closes the connection, and gives the lease back.
    void hang_up();
    // The request is over, and the connection good for another.
    void keep();
    // The next request may go anywhere again.
    void forget_tries() { tried_.clear(); }

    Socket& socket() { return *upstream.socket; }
    Upstream upstream;
    Lease lease;

private:
    enum class Begun : std::uint8_t { connected, connecting, refused, exhausted };
    Begun begin(const BackendSpec& spec);
    void refused(const std::string& why);

    Context& context_;
    Watcher& owner_;
    User& user_;
    std::vector<std::shared_ptr<Backend>> tried_;
};

inline constexpr Milliseconds kConnectTime{2000};

}  // namespace crank::gateway
