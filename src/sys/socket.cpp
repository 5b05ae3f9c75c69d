#include "sys/socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "sys/file.h"

namespace crank::sys {

Result<std::pair<UniqueFd, UniqueFd>> make_packet_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
        return fail_errno("create a socket pair");
    return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<std::optional<Received>> receive_packet(int socket, std::span<std::byte> into,
                                               std::chrono::milliseconds deadline) {
    pollfd waiter{socket, POLLIN, 0};
    int ready;
    do ready = ::poll(&waiter, 1, static_cast<int>(deadline.count()));
    while (ready < 0 && errno == EINTR);
    if (ready < 0) return fail_errno("wait for a packet");
    if (ready == 0) return std::optional<Received>();
    iovec data{into.data(), into.size()};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    ssize_t n;
    do n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno == ECONNRESET) n = 0;
    if (n < 0) return fail_errno("receive a packet");
    Received received;
    received.size = static_cast<std::size_t>(n);
    if (cmsghdr* header = CMSG_FIRSTHDR(&message);
        header != nullptr && header->cmsg_type == SCM_RIGHTS) {
        int fd;
        std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
        received.descriptor = UniqueFd(fd);
    }
    return std::optional(std::move(received));
}

namespace {

std::unexpected<Error> not_sent(const char* what) {
    if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
        return fail(Code::not_found, "the other end is closed");
    return fail_errno(what);
}

// How much of the bytes went.
Result<std::size_t> send_along(int socket, const void* bytes, std::size_t size, int descriptor) {
    iovec data{const_cast<void*>(bytes), size};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    ssize_t n;
    do n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0) return not_sent("send a descriptor");
    return static_cast<std::size_t>(n);
}

}  // namespace

Result<> send_packet(int socket, std::span<const std::byte> packet, int descriptor) {
    if (descriptor < 0) {
        if (::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL) >= 0) return {};
        return not_sent("send a packet");
    }
    TRY(send_along(socket, packet.data(), packet.size(), descriptor));
    return {};
}

Result<> send_descriptor(int socket, std::string_view text, int descriptor) {
    std::size_t sent = TRY(send_along(socket, text.data(), text.size(), descriptor));
    return write_all(socket, text.substr(sent), "the socket");
}

}  // namespace crank::sys
