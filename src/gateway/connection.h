// What every connection of a client is, whatever it speaks.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/loop.h"
#include "gateway/router.h"
#include "gateway/sniff.h"

namespace crank::gateway {

class Connection;

class Connections {
public:
    explicit Connections(Loop& loop) : loop_(loop) {}
    // Takes it over and starts it.
    void add(std::unique_ptr<Connection> connection);
    // It is over: nobody calls it any more, and it is deleted between two rounds.
    void remove(Connection& connection);
    std::size_t size() const { return all_.size(); }
    void end_idle();
    // How many there were.
    std::size_t end_all();

    std::function<void()> on_empty;

private:
    Loop& loop_;
    std::list<std::unique_ptr<Connection>> all_;
};

struct Totals {
    std::uint64_t connections = 0;  // accepted
    std::uint64_t requests = 0;     // handed to a backend
    std::uint64_t tunnels = 0;      // raw connections and upgrades
    std::uint64_t retries = 0;      // requests that another connection had to take
    std::uint64_t refused = 0;      // requests that were malformed
    std::uint64_t failed = 0;       // requests and raw connections that no backend took
};

// What connections share.
struct Context {
    Loop& loop;
    Router& router;
    Connections& connections;
    Totals& totals;
    bool& stopping;
    std::function<void(const std::string&)> log;
};

struct Listener {
    std::string id, target;
    Protocol protocol = Protocol::automatic;
    bool answers_http = false;  // a backend behind it did
    bool speaks_first = false;  // a backend behind it said something before its client did

    // "127.0.0.1:8080" of "127.0.0.1:8080/80", "10.7.0.254:80" of "10.7.0.254:41234/10.7.0.254:80":
    // where its clients think they are.
    std::string_view host() const {
        std::string_view own(id);
        std::size_t slash = own.find('/');
        bool whole = slash != std::string_view::npos && own.substr(slash).contains(':');
        return whole ? own.substr(slash + 1) : own.substr(0, slash);
    }
};
struct Origin {
    std::shared_ptr<Listener> listener;
    std::string peer;  // the client's address
};

class Connection : public Watcher, public User {
public:
    explicit Connection(Context& context) : context_(context) {}
    virtual void start() = 0;
    // Between two requests: the process stops.
    virtual void end_if_idle() {}
    // At once.
    virtual void end() = 0;

protected:
    Context& context_;
    void leave() { context_.connections.remove(*this); }

private:
    friend class Connections;
    std::list<std::unique_ptr<Connection>>::iterator place_;
};

}  // namespace crank::gateway
