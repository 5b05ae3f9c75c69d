#include "shim/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace crank::shim {

// One direction reads here and writes at the peer; what the peer did not take waits in `pending`.
struct Endpoint : Watcher {
    Connection* connection = nullptr;
    Endpoint* peer = nullptr;
    uint32_t interest = 0;
    bool read_closed = false;   // end of stream seen here
    bool write_closed = false;  // shut down for writing
    char* pending = nullptr;    // bytes read from the peer, not yet written here
    size_t pending_begin = 0, pending_size = 0;
};

struct Connection {
    Relay* relay;
    uint32_t* of_listener;  // how many it has
    Endpoint client, worker;
    bool connecting = true;
    bool ended = false;
    Connection* next_ended = nullptr;
};

namespace {

constexpr size_t kBufferSize = 64 * 1024;
char buffer[kBufferSize];  // shared: it is empty again when a handler returns

void set_interest(Loop& loop, Endpoint& end) {
    uint32_t wanted = 0;
    // Reading stops while the peer has not taken what was read before.
    if (!end.read_closed && end.peer->pending == nullptr && !end.connection->connecting)
        wanted |= EPOLLIN;
    if (end.pending != nullptr || (end.connection->connecting && &end == &end.connection->worker))
        wanted |= EPOLLOUT;
    if (wanted == end.interest) return;
    end.interest = wanted;
    loop.change(&end, wanted);
}

// Writes what it can; keeps the rest. false: the connection is broken.
bool send_to(Endpoint& end, const char* data, size_t size) {
    while (size > 0 && end.pending == nullptr) {
        ssize_t n = send(end.fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) return false;
        if (n < 0) break;
        data += n;
        size -= static_cast<size_t>(n);
    }
    if (size == 0) return true;
    end.pending = static_cast<char*>(malloc(size));
    if (end.pending == nullptr) return false;
    memcpy(end.pending, data, size);
    end.pending_begin = 0;
    end.pending_size = size;
    return true;
}

bool flush_pending(Endpoint& end) {
    while (end.pending_begin < end.pending_size) {
        ssize_t n = send(end.fd, end.pending + end.pending_begin,
                         end.pending_size - end.pending_begin, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        end.pending_begin += static_cast<size_t>(n);
    }
    free(end.pending);
    end.pending = nullptr;
    return true;
}

// The peer sent its end of stream and everything before it has been written: pass it on.
void pass_end(Endpoint& end) {
    if (end.peer->read_closed && end.pending == nullptr && !end.write_closed) {
        end.write_closed = true;
        shutdown(end.fd, SHUT_WR);
    }
}

bool read_from(Endpoint& end) {
    ssize_t n = recv(end.fd, buffer, kBufferSize, MSG_DONTWAIT);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0) {
        end.read_closed = true;
        return true;
    }
    return send_to(*end.peer, buffer, static_cast<size_t>(n));
}

void close_endpoint(Loop& loop, Endpoint& end) {
    if (end.fd < 0) return;
    loop.remove(&end);
    close(end.fd);
    end.fd = -1;
    free(end.pending);
    end.pending = nullptr;
}

bool finish_connect(Connection& connection) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(connection.worker.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    connection.connecting = false;
    return error == 0;
}

// false: the connection is over.
bool serve(Endpoint& end, uint32_t events) {
    Connection& connection = *end.connection;
    if (connection.connecting) {
        if (&end == &connection.client) return (events & (EPOLLERR | EPOLLHUP)) == 0;
        if (!finish_connect(connection)) return false;
    }
    if ((events & EPOLLOUT) != 0 && end.pending != nullptr && !flush_pending(end)) return false;
    if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !end.read_closed && end.peer->pending == nullptr &&
        !read_from(end))
        return false;
    if ((events & EPOLLERR) != 0) return false;
    pass_end(end);
    pass_end(*end.peer);
    return !(end.write_closed && end.peer->write_closed);
}

int connect_to(uint32_t ipv4, uint16_t port, bool& in_progress) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = ipv4;
    in_progress = false;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    if (errno == EINPROGRESS) {
        in_progress = true;
        return fd;
    }
    close(fd);
    return -1;
}

}  // namespace

int Relay::listen(int listener, uint32_t ipv4, uint16_t port) {
    return listen_if(listener, ipv4, port, nullptr, nullptr);
}

int Relay::listen_if(int listener, uint32_t ipv4, uint16_t port, Admits admits,
                     const char* argument, uint32_t most) {
    if (listener_count_ == sizeof listeners_ / sizeof *listeners_) return ENOSPC;
    Listener& slot = listeners_[listener_count_++];
    slot.handle = on_accept;
    slot.fd = listener;
    slot.relay = this;
    slot.ipv4 = ipv4;
    slot.port = port;
    slot.admits = admits;
    slot.argument = argument;
    slot.most = most;
    slot.connections = 0;
    return loop_.add(&slot, EPOLLIN);
}

void Relay::stop_listening() {
    while (listener_count_ > 0) {
        Listener& listener = listeners_[--listener_count_];
        loop_.remove(&listener);
        close(listener.fd);
    }
}

void Relay::on_accept(Watcher* self, uint32_t) {
    auto& listener = *static_cast<Listener*>(self);
    // Bounded, so that a flood of connections does not starve those that exist.
    for (int i = 0; i < 16; ++i) {
        int client = accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client < 0) {
            // What cannot be taken would wake the loop at once, again and again.
            bool exhausted = errno == EMFILE || errno == ENFILE;
            if (exhausted && listener.relay->connection_count_ > 0)
                listener.relay->set_listening(false);
            return;
        }
        bool full = listener.most != 0 && listener.connections >= listener.most;
        if (!full && (listener.admits == nullptr || listener.admits(listener.argument)))
            listener.relay->accept_one(listener, client);
        else
            close(client);
    }
}

void Relay::end(Connection& connection) {
    if (connection.ended) return;
    connection.ended = true;
    --*connection.of_listener;
    --connection_count_;
    close_endpoint(loop_, connection.client);
    close_endpoint(loop_, connection.worker);
    connection.next_ended = ended_;
    ended_ = &connection;
}

void Relay::on_endpoint(Endpoint& endpoint, uint32_t events) {
    Connection& connection = *endpoint.connection;
    if (!serve(endpoint, events)) {
        end(connection);
        return;
    }
    set_interest(loop_, connection.client);
    set_interest(loop_, connection.worker);
}

namespace {

void on_event(Watcher* self, uint32_t events) {
    auto& endpoint = *static_cast<Endpoint*>(self);
    endpoint.connection->relay->on_endpoint(endpoint, events);
}

}  // namespace

void Relay::accept_one(Listener& listener, int client) {
    bool in_progress = false;
    int worker = connect_to(listener.ipv4, listener.port, in_progress);
    auto* connection =
        worker < 0 ? nullptr : static_cast<Connection*>(calloc(1, sizeof(Connection)));
    if (connection == nullptr) {
        if (worker >= 0) close(worker);
        close(client);
        return;
    }
    int on = 1;
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->relay = this;
    connection->of_listener = &listener.connections;
    ++listener.connections;
    ++connection_count_;
    connection->connecting = in_progress;
    Endpoint* ends[2] = {&connection->client, &connection->worker};
    int fds[2] = {client, worker};
    for (int i = 0; i < 2; ++i) {
        ends[i]->handle = on_event;
        ends[i]->fd = fds[i];
        ends[i]->connection = connection;
        ends[i]->peer = ends[1 - i];
    }
    bool added = true;
    for (Endpoint* one : ends) {
        added = loop_.add(one, 0) == 0 && added;
    }
    if (!added) {
        end(*connection);
        return;
    }
    for (Endpoint* one : ends) set_interest(loop_, *one);
}

void Relay::set_listening(bool on) {
    for (uint32_t i = 0; i < listener_count_; ++i)
        loop_.change(&listeners_[i], on ? uint32_t{EPOLLIN} : 0);
    paused_ = !on;
}

void Relay::sweep() {
    if (paused_ && ended_ != nullptr) set_listening(true);
    while (ended_ != nullptr) {
        Connection* next = ended_->next_ended;
        free(ended_);
        ended_ = next;
    }
}

}  // namespace crank::shim
