#include "sys/tcp.h"

#include "sys/endpoint.h"
#include "sys/udp.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace crank::sys {

namespace {

std::unexpected<Error> explain(int error_number, const std::string& ip, std::uint16_t port) {
    std::string what = "listen on port " + std::to_string(port) + " of " + ip;
    Error error = Error::from_errno(error_number, std::move(what));
    if (error_number == EADDRNOTAVAIL) {
        return fail(std::move(error)
                        .with_code(Code::failed_precondition)
                        .with_hint("the addresses of this host: ip -brief address"));
    }
    if (error_number == EAFNOSUPPORT) return fail(std::move(error).with_code(Code::unsupported));
    if (error_number == EACCES) {
        return fail(
            std::move(error).with_hint("run as root, choose a higher port, or lower it: sysctl "
                                       "net.ipv4.ip_unprivileged_port_start"));
    }
    return fail(std::move(error));
}

}  // namespace

Result<UniqueFd> listen_tcp(const std::string& ip, std::uint16_t port, int backlog) {
    Endpoint endpoint = TRY(make_endpoint(ip, port));
    int family = endpoint.storage.ss_family;
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return explain(errno, ip, port);
    const int on = 1;
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return explain(errno, ip, port);
    if (family == AF_INET6 &&
        ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return explain(errno, ip, port);
    if (::bind(fd.get(), endpoint.get(), endpoint.size) != 0) return explain(errno, ip, port);
    if (::listen(fd.get(), backlog) != 0) return explain(errno, ip, port);
    return fd;
}

Result<UniqueFd> bind_udp(const std::string& ip, std::uint16_t port) {
    Endpoint endpoint = TRY(make_endpoint(ip, port));
    int family = endpoint.storage.ss_family;
    UniqueFd fd(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return explain(errno, ip, port);
    const int on = 1;
    bool six = family == AF_INET6;
    if (six && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return explain(errno, ip, port);
    if (::setsockopt(fd.get(), six ? static_cast<int>(IPPROTO_IPV6) : static_cast<int>(IPPROTO_IP),
                     six ? IPV6_RECVPKTINFO : IP_PKTINFO, &on, sizeof on) != 0)
        return explain(errno, ip, port);
    if (::bind(fd.get(), endpoint.get(), endpoint.size) != 0) return explain(errno, ip, port);
    return fd;
}

Result<std::uint16_t> local_port(int socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return fail_errno("read a socket's own address");
    // Both families keep the port at the same place.
    sockaddr_in address;
    std::memcpy(&address, &storage, sizeof address);
    return ntohs(address.sin_port);
}

Result<std::string> peer_ip(int socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return fail_errno("read a socket's peer address");
    return ip_text(storage);
}

namespace {

Result<> wait_for(int socket, short events, std::chrono::milliseconds deadline,
                  const std::string& what) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    pollfd entry{socket, events, 0};
    while (true) {
        auto left =
            std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready > 0) return {};
        if (ready == 0) return fail(Code::deadline_exceeded, what + ": no answer in time");
        if (errno != EINTR) return fail_errno(what);
    }
}

}  // namespace

Result<UniqueFd> connect_tcp(const std::string& ip, std::uint16_t port,
                             std::chrono::milliseconds deadline) {
    Endpoint endpoint = TRY(make_endpoint(ip, port));
    const std::string what = "connect to port " + std::to_string(port) + " of " + ip;
    UniqueFd fd(
        ::socket(endpoint.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail_errno(what);
    if (::connect(fd.get(), endpoint.get(), endpoint.size) == 0) return fd;
    if (errno != EINPROGRESS) return fail_errno(what);
    TRY(wait_for(fd.get(), POLLOUT, deadline, what));
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) return fail_errno(what);
    if (error != 0) return fail(Error::from_errno(error, what));
    return fd;
}

Result<UniqueFd> accept_tcp(int listener, std::chrono::milliseconds deadline) {
    while (true) {
        UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd) return fd;
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            return fail_errno("accept a connection");
        TRY(wait_for(listener, POLLIN, deadline, "accept a connection"));
    }
}

}  // namespace crank::sys
