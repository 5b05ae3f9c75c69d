#include "sys/packet_server.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

namespace crank::sys {

namespace {

constexpr std::size_t kDescriptors = 8;

void take_descriptors(msghdr& message, std::vector<UniqueFd>& into) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            into.emplace_back(fd);
        }
    }
}

int option_of(int socket, int name) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

}  // namespace

Result<std::optional<PacketPeer>> accept_packets(int listener) {
    UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) {
        if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR) return std::nullopt;
        return fail_errno("accept a connection");
    }
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return fail_errno("ask who has connected");
    return PacketPeer{std::move(fd), who.uid};
}

Result<> check_packet_listener(int socket) {
    if (option_of(socket, SO_DOMAIN) == AF_UNIX && option_of(socket, SO_TYPE) == SOCK_SEQPACKET &&
        option_of(socket, SO_ACCEPTCONN) == 1)
        return {};
    return fail(Code::failed_precondition,
                "descriptor " + std::to_string(socket) + " is no listening packet socket");
}

Result<Packet> receive_with_descriptors(int socket, std::size_t most) {
    Packet packet;
    packet.bytes.resize(most);
    iovec data{packet.bytes.data(), most};
    alignas(cmsghdr) char space[CMSG_SPACE(kDescriptors * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = space;
    message.msg_controllen = sizeof space;
    ssize_t n = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return Packet{};
    if (n < 0 && errno != ECONNRESET) return fail_errno("receive a packet");
    packet.kind = n <= 0 ? PacketKind::end : PacketKind::packet;
    packet.bytes.resize(n <= 0 ? 0 : static_cast<std::size_t>(n));
    packet.cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    take_descriptors(message, packet.descriptors);
    return packet;
}

Sent send_whole(int socket, std::string_view packet) {
    if (::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return Sent::whole;
    if (errno == EAGAIN || errno == EINTR) return Sent::blocked;
    return errno == EMSGSIZE ? Sent::too_large : Sent::closed;
}

void raise_send_buffer(int socket, int bytes) {
    (void)::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

std::size_t raise_open_files() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::numeric_limits<std::size_t>::max();
    const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_max : before;
}

}  // namespace crank::sys
