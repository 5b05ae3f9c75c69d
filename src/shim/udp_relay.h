// Published UDP ports: what comes to a socket of the host goes to the container, and what comes
// back goes to whom it is for, from the address that it was sent to.
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shim/loop.h"

namespace crank::shim {

class UdpRelay {
public:
    explicit UdpRelay(Loop& loop) : loop_(loop) {}
    // `socket` is bound, non-blocking, and tells each datagram's own address (sys/udp.h); `ipv4` in
    // network, `port` in host byte order. 0 or errno.
    int listen(int socket, uint32_t ipv4, uint16_t port);
    // Gives the ports back, and forgets who spoke.
    void stop_listening();

private:
    static constexpr uint32_t kMostListeners = 64, kMostSessions = 256;
    static constexpr uint64_t kIdleMs = 60 * 1000;  // RFC 4787 wants two minutes of routers

    struct Listener : Watcher {
        UdpRelay* relay;
        uint32_t ipv4;
        uint16_t port;
    };
    // The host's address that a peer wrote to.
    struct Local {
        in_addr v4;
        in6_pktinfo v6;
    };
    // A peer, and the socket that speaks to the worker for it.
    struct Session : Watcher {
        UdpRelay* relay;
        Listener* listener;  // nullptr: unused
        sockaddr_storage peer;
        socklen_t peer_size;
        Local local;
        uint64_t last_ms;
    };
    static void on_datagram(Watcher* self, uint32_t events);
    static void on_reply(Watcher* self, uint32_t events);
    void pass_on(Listener& listener, const sockaddr_storage& peer, socklen_t peer_size,
                 const Local& local, size_t size);
    void pass_back(Session& session);
    Session* session_of(Listener& listener, const sockaddr_storage& peer, socklen_t peer_size);
    bool begin(Session& session, Listener& listener);
    void end(Session& session);

    Loop& loop_;
    Listener listeners_[kMostListeners] = {};
    uint32_t listener_count_ = 0;
    Session* sessions_ = nullptr;  // kMostSessions, from the first datagram on
};

}  // namespace crank::shim
