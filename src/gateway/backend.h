// A backend at work: what goes through it, and connections to it that wait for another request.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "gateway/loop.h"

namespace crank::gateway {

struct BackendSpec {
    std::string id;       // of the container; one container may serve several targets
    std::string address;  // literal IP address
    std::uint16_t port = 0;
    std::int64_t weight = 1;
};

// Something that goes through a backend.
class User {
public:
    virtual ~User() = default;
    // The backend is about to be stopped: end at once, and give the lease back.
    virtual void cut() = 0;
    // The backend has ended: what may be asked again can be, of another.
    virtual void lost() { cut(); }
    // No target leads to the backend any more: what has not begun can go to another.
    virtual void move_on() {}
};

// A connection to a backend; the owner of its socket is whoever uses it.
struct Upstream {
    std::unique_ptr<Socket> socket;
    bool reused = false;  // it has served a request before
};

class Backend : public Watcher {
public:
    static constexpr Milliseconds kIdle{1000};  // then an idle connection is closed

    Backend(Loop& loop, BackendSpec spec)
        : loop_(loop), spec_(std::move(spec)), timer_(loop.timers(), *this) {}
    ~Backend() override { close_idle(); }

    void on_ready(Socket& socket) override;  // of an idle connection
    void on_due() override;

    const BackendSpec& spec() const { return spec_; }
    void set_weight(std::int64_t weight) { spec_.weight = weight; }

    // A connection of which nothing was heard; without a socket: there is none.
    Upstream take_idle();
    // Kept for a second, where there is room and the backend is still routed to.
    void keep_idle(Upstream upstream);
    void close_idle();

    bool is_passed_over() const { return passed_over_until_ > loop_.timers().now(); }
    // It refused: others come first for a second.
    void pass_over();

    bool routed = false;
    std::uint64_t requests = 0, failures = 0;
    std::uint64_t errors = 0;  // answers of 500 and more
    std::int64_t credit = 0;   // routing.h
    std::list<User*> users;

private:
    struct Idle {
        Upstream upstream;
        std::int64_t since = 0;
    };
    Loop& loop_;
    BackendSpec spec_;
    Timer timer_;  // of the idle connection that waits longest
    std::int64_t passed_over_until_ = 0;
    std::vector<Idle> idle_;  // the one used last is the last
};

}  // namespace crank::gateway
