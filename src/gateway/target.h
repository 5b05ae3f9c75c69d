// A target ("web:8000"): its backends, and who waits for one.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/backend.h"

namespace crank::gateway {

// Who waits until a target has a backend that takes connections.
class Waiter {
public:
    virtual ~Waiter() = default;
    // It waits no more, and may wait again.
    virtual void on_backend() = 0;
};

struct Target final : public Watcher {
    static constexpr std::size_t kMaxWaiting = 1024;
    // A container that has ended may be started again by its restart policy.
    static constexpr Milliseconds kRestarts{10'000};

    Target(Loop& of, std::string called)
        : name(std::move(called)), loop(of), release(of.timers(), *this) {}

    bool has_backend() const;  // one of a weight above zero
    // How long what comes waits for one that takes connections: one that has taken some before
    // is about to take them again, or never.
    Milliseconds patience() const;
    // What is left of it for one who has waited since `since`, or since it has other backends.
    Milliseconds patience_since(std::int64_t since) const;
    // How long it may wait; nothing: it has waited long enough, or too many do. `since`: since
    // when it does, 0 for one that has not waited before.
    std::optional<Milliseconds> wait(Waiter& waiter, std::int64_t& since);
    void leave(Waiter& waiter) { waiting.remove(&waiter); }
    // It has other backends.
    void routed();
    // A backend has taken a connection.
    void connected();

    void on_ready(Socket&) override {}
    void on_due() override;  // the next of those who wait

    const std::string name;
    std::vector<std::shared_ptr<Backend>> backends;
    Milliseconds hold{0};
    std::list<Waiter*> waiting;
    // Of containers that have ended; they come back where those are started again.
    std::vector<BackendSpec> lost;
    bool has_served = false;  // since it was last routed to others: one took a connection

private:
    Loop& loop;
    Timer release;
    bool hurries = false;           // as far as known, backends take connections
    std::int64_t routed_since = 0;  // milliseconds, as Timers::now
};

}  // namespace crank::gateway
