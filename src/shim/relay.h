// Published TCP ports: accepts on the host, connects to the container, copies both ways.
#pragma once

#include <stdint.h>

#include "shim/loop.h"

namespace crank::shim {

struct Connection;
struct Endpoint;

class Relay {
public:
    explicit Relay(Loop& loop) : loop_(loop) {}
    // `listener` is non-blocking; `ipv4` in network, `port` in host byte order. 0 or errno.
    int listen(int listener, uint32_t ipv4, uint16_t port);
    // The same where each connection is asked about first.
    using Admits = bool (*)(const char* argument);
    // At most so many connections at once; 0: as many as there are descriptors.
    int listen_if(int listener, uint32_t ipv4, uint16_t port, Admits admits, const char* argument,
                  uint32_t most = 0);
    // Gives the ports back: they are free for others when this returns. Connections go on.
    void stop_listening();
    // Frees what ended in this round; call after every Loop::run_once.
    void sweep();
    void on_endpoint(Endpoint& end, uint32_t events);  // for the watchers

private:
    struct Listener : Watcher {
        Relay* relay;
        uint32_t ipv4;
        uint16_t port;
        Admits admits;  // nullptr: all of them
        const char* argument;
        uint32_t most, connections;
    };
    static void on_accept(Watcher* self, uint32_t events);
    void accept_one(Listener& listener, int client);
    void end(Connection& connection);
    void set_listening(bool on);

    Loop& loop_;
    Listener listeners_[65] = {};  // the ports, and the resolver's
    uint32_t listener_count_ = 0;
    uint32_t connection_count_ = 0;
    bool paused_ = false;  // no descriptors were left
    Connection* ended_ = nullptr;
};

}  // namespace crank::shim
