#include "server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "connection.h"

namespace echo {
namespace {

constexpr int kEvents = 128;
constexpr int kBacklog = 4096;
constexpr long kDrainMs = 8000;

long now_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

int complain(const char* what) {
    std::fprintf(stderr, "echo-cpp: %s: %s\n", what, std::strerror(errno));
    return 1;
}

// Both families where the kernel has IPv6, else IPv4. -1 with errno.
int listen_on(std::uint16_t port) {
    const int on = 1;
    const int off = 0;
    int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in6 six{};
    sockaddr_in four{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    auto* address = reinterpret_cast<sockaddr*>(&six);
    socklen_t size = sizeof six;
    if (fd >= 0) {
        ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    } else {
        fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        address = reinterpret_cast<sockaddr*>(&four);
        size = sizeof four;
    }
    if (fd < 0) return -1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Inherited by what is accepted: one system call less per connection.
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::bind(fd, address, size) == 0 && ::listen(fd, kBacklog) == 0) return fd;
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

// Blocked, so that as PID 1, too, the signals are kept for the descriptor.
int open_signals() {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    ::sigprocmask(SIG_BLOCK, &ends, nullptr);
    return ::signalfd(-1, &ends, SFD_NONBLOCK | SFD_CLOEXEC);
}

class Server {
public:
    int run(std::uint16_t port);

private:
    bool poll(int fd, void* tag, std::uint32_t events, int operation) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = tag;
        return ::epoll_ctl(poller_, operation, fd, &event) == 0;
    }
    void listen_again() {
        if (paused_) paused_ = !poll(listener_, &listener_, EPOLLIN, EPOLL_CTL_ADD);
    }
    // For epoll_wait(2): forever, or what is left of draining.
    int timeout_ms() const {
        return deadline_ == 0 ? -1 : static_cast<int>(std::max(0L, deadline_ - now_ms()));
    }
    void dispatch(void* tag);
    void accept_all();
    void add(int fd);
    void act(Connection* connection, Connection::Wants wants);
    void remove(Connection* connection);
    void start_draining();

    int poller_ = -1;
    int listener_ = -1;
    int signals_ = -1;
    Connection* first_ = nullptr;
    bool paused_ = false;  // no descriptor was left to accept with
    long deadline_ = 0;    // of draining; 0: not draining
};

int Server::run(std::uint16_t port) {
    poller_ = ::epoll_create1(EPOLL_CLOEXEC);
    signals_ = open_signals();
    if (poller_ < 0 || signals_ < 0) return complain("set up");
    listener_ = listen_on(port);
    if (listener_ < 0) return complain("listen");
    if (!poll(signals_, &signals_, EPOLLIN, EPOLL_CTL_ADD) ||
        !poll(listener_, &listener_, EPOLLIN, EPOLL_CTL_ADD))
        return complain("poll");
    std::fprintf(stderr, "echo-cpp: listening on port %u\n", static_cast<unsigned>(port));
    epoll_event events[kEvents];
    while (deadline_ == 0 || (first_ != nullptr && now_ms() < deadline_)) {
        const int count = ::epoll_wait(poller_, events, kEvents, timeout_ms());
        if (count < 0 && errno != EINTR) return complain("wait");
        bool ends = false;  // after the batch: draining frees connections that it may name
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == &signals_)
                ends = true;
            else
                dispatch(events[i].data.ptr);
        }
        if (ends) start_draining();
    }
    while (first_ != nullptr) remove(first_);
    return 0;
}

void Server::dispatch(void* tag) {
    if (tag == &listener_) {
        accept_all();
    } else {
        auto* connection = static_cast<Connection*>(tag);
        act(connection, connection->on_event());
    }
}

void Server::accept_all() {
    while (true) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            add(fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // Until a connection ends; polling on would spin.
            paused_ = first_ != nullptr && poll(listener_, nullptr, 0, EPOLL_CTL_DEL);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

void Server::add(int fd) {
    void* memory = std::malloc(sizeof(Connection));
    if (memory == nullptr) {
        ::close(fd);
        return;
    }
    auto* connection = new (memory) Connection(fd);
    connection->next = first_;
    if (first_ != nullptr) first_->previous = connection;
    first_ = connection;
    if (!poll(fd, connection, EPOLLIN, EPOLL_CTL_ADD)) remove(connection);
}

void Server::act(Connection* connection, Connection::Wants wants) {
    if (wants == Connection::Wants::nothing) {
        remove(connection);
    } else if (wants != connection->waits_for) {
        connection->waits_for = wants;
        const auto events = wants == Connection::Wants::read ? EPOLLIN : EPOLLOUT;
        if (!poll(connection->fd(), connection, events, EPOLL_CTL_MOD)) remove(connection);
    }
}

void Server::remove(Connection* connection) {
    if (connection->previous != nullptr) connection->previous->next = connection->next;
    if (connection->next != nullptr) connection->next->previous = connection->previous;
    if (first_ == connection) first_ = connection->next;
    connection->~Connection();
    std::free(connection);
    listen_again();
}

void Server::start_draining() {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) > 0) continue;
    if (deadline_ != 0) return;
    deadline_ = now_ms() + kDrainMs;
    accept_all();  // whoever connected before the signal is answered
    paused_ = false;
    ::close(listener_);
    for (Connection* connection = first_; connection != nullptr;) {
        Connection* next = connection->next;
        act(connection, connection->drain());
        connection = next;
    }
}

}  // namespace

int serve(std::uint16_t port) {
    static Server server;
    return server.run(port);
}

int probe(std::uint16_t port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return complain("connect");
    constexpr std::string_view kAsk =
        "GET /health HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n";
    char answer[512];
    if (::send(fd, kAsk.data(), kAsk.size(), MSG_NOSIGNAL) < 0) return complain("send");
    const ssize_t count = ::recv(fd, answer, sizeof answer, 0);
    if (count < 0) return complain("receive");
    const std::string_view text(answer, static_cast<std::size_t>(count));
    return text.starts_with("HTTP/1.1 200 ") ? 0 : 1;
}

}  // namespace echo
