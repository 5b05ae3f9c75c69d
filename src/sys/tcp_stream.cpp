#include "sys/tcp_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>

#include "sys/endpoint.h"

namespace crank::sys {

namespace {

bool would_block(int error_number) {
    return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

Moved outcome_of(ssize_t sent) {
    if (sent >= 0) return {Flow::moved, static_cast<std::size_t>(sent)};
    return {would_block(errno) ? Flow::blocked : Flow::broken};
}

void set_option(int socket, int level, int name, int value) {
    // It is an improvement; where the kernel refuses, the connection serves as it is.
    (void)::setsockopt(socket, level, name, &value, sizeof value);
}

int option_of(int socket, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

Moved receive(int socket, std::span<char> into) {
    ssize_t n = ::recv(socket, into.data(), into.size(), 0);
    if (n > 0) return {Flow::moved, static_cast<std::size_t>(n)};
    if (n == 0) return {Flow::ended};
    return {would_block(errno) ? Flow::blocked : Flow::broken};
}

Moved send_both(int socket, std::string_view first, std::string_view second) {
    if (second.empty()) return outcome_of(::send(socket, first.data(), first.size(), MSG_NOSIGNAL));
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                      {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = first.empty() ? parts + 1 : parts;
    message.msg_iovlen = first.empty() ? 1 : 2;
    return outcome_of(::sendmsg(socket, &message, MSG_NOSIGNAL));
}

bool is_silent(int socket) {
    char byte;
    return ::recv(socket, &byte, 1, MSG_PEEK) < 0 && would_block(errno);
}

AcceptedStream accept_stream(int listener) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    UniqueFd fd(::accept4(listener, reinterpret_cast<sockaddr*>(&storage), &size,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) return {AcceptOutcome::connection, std::move(fd), ip_text(storage)};
    switch (errno) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM: return {AcceptOutcome::exhausted, {}, {}};
        case EBADF:
        case EINVAL:
        case ENOTSOCK:
        case EOPNOTSUPP: return {AcceptOutcome::failed, {}, {}};
        case EAGAIN: return {};
        // The connection that was to come is gone (accept(2)); the next may be there.
        default: return {};
    }
}

Result<BegunStream> begin_connect(const std::string& ip, std::uint16_t port) {
    Endpoint endpoint = TRY(make_endpoint(ip, port));
    const std::string what = "connect to port " + std::to_string(port) + " of " + ip;
    UniqueFd fd(
        ::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_errno(what);
    if (::connect(fd.get(), endpoint.get(), endpoint.size) == 0)
        return BegunStream{std::move(fd), true};
    if (errno != EINPROGRESS) return fail_errno(what);
    return BegunStream{std::move(fd), false};
}

int connect_error(int socket) { return option_of(socket, SO_ERROR); }

void set_no_delay(int socket) { set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1); }

void keep_alive(int socket) {
    set_option(socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(socket, IPPROTO_TCP, TCP_KEEPCNT, 6);
    set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
}

void reset_at_close(int socket) {
    linger now{1, 0};
    (void)::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

Result<> check_listener(int socket) {
    const int domain = option_of(socket, SO_DOMAIN);
    if ((domain != AF_INET && domain != AF_INET6) || option_of(socket, SO_TYPE) != SOCK_STREAM)
        return fail(Code::failed_precondition, "the descriptor is no TCP socket");
    if (option_of(socket, SO_ACCEPTCONN) != 1)
        return fail(Code::failed_precondition, "the socket does not listen");
    return {};
}

void stop_listening(int socket) { (void)::shutdown(socket, SHUT_RD); }

}  // namespace crank::sys
