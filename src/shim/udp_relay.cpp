#include "shim/udp_relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

namespace crank::shim {
namespace {

constexpr size_t kMostDatagram = 64 * 1024;
constexpr int kAtOnce = 16;
char buffer[kMostDatagram];  // empty again when a handler returns

uint64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec / 1000000);
}

union Control {
    char bytes[CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo))];
    cmsghdr aligned;
};

bool same_peer(const sockaddr_storage& a, const sockaddr_storage& b, socklen_t size) {
    return memcmp(&a, &b, size) == 0;
}

}  // namespace

int UdpRelay::listen(int socket, uint32_t ipv4, uint16_t port) {
    if (listener_count_ == kMostListeners) return ENOSPC;
    Listener& slot = listeners_[listener_count_++];
    slot.handle = on_datagram;
    slot.fd = socket;
    slot.relay = this;
    slot.ipv4 = ipv4;
    slot.port = port;
    return loop_.add(&slot, EPOLLIN);
}

void UdpRelay::stop_listening() {
    for (uint32_t i = 0; sessions_ != nullptr && i < kMostSessions; ++i)
        if (sessions_[i].listener != nullptr) end(sessions_[i]);
    free(sessions_);
    sessions_ = nullptr;
    while (listener_count_ > 0) {
        Listener& listener = listeners_[--listener_count_];
        loop_.remove(&listener);
        close(listener.fd);
    }
}

void UdpRelay::on_datagram(Watcher* self, uint32_t) {
    auto& listener = *static_cast<Listener*>(self);
    for (int i = 0; i < kAtOnce; ++i) {
        sockaddr_storage peer{};
        iovec part{buffer, sizeof buffer};
        Control control{};
        msghdr message{};
        message.msg_name = &peer;
        message.msg_namelen = sizeof peer;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        ssize_t n = recvmsg(listener.fd, &message, MSG_DONTWAIT);
        if (n < 0) return;
        Local local{};
        for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
             one = CMSG_NXTHDR(&message, one)) {
            if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
                in_pktinfo info;
                memcpy(&info, CMSG_DATA(one), sizeof info);
                local.v4 = info.ipi_spec_dst;
            } else if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO) {
                memcpy(&local.v6, CMSG_DATA(one), sizeof local.v6);
            }
        }
        listener.relay->pass_on(listener, peer, message.msg_namelen, local, static_cast<size_t>(n));
    }
}

// The peer's, or the one that has been silent for longest.
UdpRelay::Session* UdpRelay::session_of(Listener& listener, const sockaddr_storage& peer,
                                        socklen_t peer_size) {
    if (sessions_ == nullptr)
        sessions_ = static_cast<Session*>(calloc(kMostSessions, sizeof(Session)));
    if (sessions_ == nullptr) return nullptr;
    Session* oldest = &sessions_[0];
    uint64_t now = now_ms();
    for (uint32_t i = 0; i < kMostSessions; ++i) {
        Session& session = sessions_[i];
        if (session.listener == &listener && session.peer_size == peer_size &&
            same_peer(session.peer, peer, peer_size))
            return &session;
        if (session.listener != nullptr && now - session.last_ms > kIdleMs) end(session);
        bool better = session.listener == nullptr
                          ? oldest->listener != nullptr
                          : oldest->listener != nullptr && session.last_ms < oldest->last_ms;
        if (better) oldest = &session;
    }
    if (oldest->listener != nullptr) end(*oldest);
    oldest->peer = peer;
    oldest->peer_size = peer_size;
    return begin(*oldest, listener) ? oldest : nullptr;
}

bool UdpRelay::begin(Session& session, Listener& listener) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listener.port);
    address.sin_addr.s_addr = listener.ipv4;
    session.handle = on_reply;
    session.fd = fd;
    session.relay = this;
    session.listener = &listener;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
        loop_.add(&session, EPOLLIN) == 0)
        return true;
    close(fd);
    session.listener = nullptr;
    return false;
}

void UdpRelay::end(Session& session) {
    loop_.remove(&session);
    close(session.fd);
    session.fd = -1;
    session.listener = nullptr;
}

void UdpRelay::pass_on(Listener& listener, const sockaddr_storage& peer, socklen_t peer_size,
                       const Local& local, size_t size) {
    Session* session = session_of(listener, peer, peer_size);
    if (session == nullptr) return;
    session->last_ms = now_ms();
    session->local = local;
    // A worker that does not listen yet has refused the one before (ECONNREFUSED): the second try
    // is this datagram's own.
    if (send(session->fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
        send(session->fd, buffer, size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void UdpRelay::on_reply(Watcher* self, uint32_t) {
    auto& session = *static_cast<Session*>(self);
    if (session.listener != nullptr) session.relay->pass_back(session);
}

void UdpRelay::pass_back(Session& session) {
    for (int i = 0; i < kAtOnce; ++i) {
        ssize_t n = recv(session.fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0) return;  // also where nobody listens: the peer hears nothing
        session.last_ms = now_ms();
        iovec part{buffer, static_cast<size_t>(n)};
        Control control{};
        msghdr message{};
        message.msg_name = &session.peer;
        message.msg_namelen = session.peer_size;
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = &control;
        bool six = session.peer.ss_family == AF_INET6;
        in_pktinfo four{};
        four.ipi_spec_dst = session.local.v4;
        const void* data = six ? static_cast<const void*>(&session.local.v6) : &four;
        size_t size = six ? sizeof session.local.v6 : sizeof four;
        message.msg_controllen = static_cast<socklen_t>(CMSG_SPACE(size));
        cmsghdr* one = CMSG_FIRSTHDR(&message);
        one->cmsg_level = six ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP);
        one->cmsg_type = six ? IPV6_PKTINFO : IP_PKTINFO;
        one->cmsg_len = static_cast<socklen_t>(CMSG_LEN(size));
        memcpy(CMSG_DATA(one), data, size);
        sendmsg(session.listener->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
}

}  // namespace crank::shim
