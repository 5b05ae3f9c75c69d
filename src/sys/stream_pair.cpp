#include "sys/stream_pair.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace crank::sys {

Result<std::pair<UniqueFd, UniqueFd>> make_stream_pair() {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return fail_errno("create a socket pair");
    return std::pair(UniqueFd(fds[0]), UniqueFd(fds[1]));
}

Result<> send_parts(int socket, std::span<const std::uint8_t> head,
                    std::span<const std::uint8_t> body) {
    while (!head.empty() || !body.empty()) {
        iovec parts[2] = {{const_cast<std::uint8_t*>(head.data()), head.size()},
                          {const_cast<std::uint8_t*>(body.data()), body.size()}};
        msghdr message{};
        message.msg_iov = head.empty() ? parts + 1 : parts;
        message.msg_iovlen = head.empty() ? 1 : 2;
        ssize_t n = ::sendmsg(socket, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN))
            return fail(Code::not_found, "the other end is closed");
        if (n < 0) return fail_errno("send to another process");
        auto sent = static_cast<std::size_t>(n);
        std::size_t of_head = std::min(sent, head.size());
        head = head.subspan(of_head);
        body = body.subspan(sent - of_head);
    }
    return {};
}

Result<bool> read_exact(int fd, std::span<std::uint8_t> out, const std::string& name) {
    std::size_t done = 0;
    while (done < out.size()) {
        ssize_t n = ::read(fd, out.data() + done, out.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == ECONNRESET) n = 0;
        if (n < 0) return fail_errno("read from " + name);
        if (n == 0 && done == 0) return false;
        if (n == 0) return fail(Code::io, name + " ended in the middle of a message");
        done += static_cast<std::size_t>(n);
    }
    return true;
}

}  // namespace crank::sys
