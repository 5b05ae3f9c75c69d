#include "sys/poll.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <string>
#include <vector>

namespace crank::sys {

Result<bool> poll(std::span<PollEntry> entries, std::optional<std::chrono::milliseconds> deadline) {
    std::vector<pollfd> fds;
    for (PollEntry& entry : entries) {
        entry.readable = entry.writable = entry.hung_up = false;
        short events =
            static_cast<short>((entry.want_read ? POLLIN : 0) | (entry.want_write ? POLLOUT : 0));
        fds.push_back({entry.fd, events, 0});
    }
    using Clock = std::chrono::steady_clock;
    auto end = Clock::now() + deadline.value_or(std::chrono::milliseconds(0));
    int ready;
    do {
        int left = -1;
        if (deadline) {
            auto rest = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
            left = rest < 0 ? 0 : static_cast<int>(rest);
        }
        ready = ::poll(fds.data(), fds.size(), left);
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) return fail_errno("poll");
    for (std::size_t i = 0; i < fds.size(); ++i) {
        entries[i].readable = (fds[i].revents & (POLLIN | POLLHUP)) != 0;
        entries[i].writable = (fds[i].revents & POLLOUT) != 0;
        entries[i].hung_up = (fds[i].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    }
    return ready > 0;
}

Result<std::optional<std::size_t>> read_some(int fd, std::span<char> buffer) {
    while (true) {
        ssize_t n = read(fd, buffer.data(), buffer.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno == EAGAIN) return std::nullopt;
        if (errno != EINTR) return fail_errno("read from descriptor " + std::to_string(fd));
    }
}

Result<std::optional<std::size_t>> write_some(int fd, std::span<const char> data) {
    while (true) {
        ssize_t n = write(fd, data.data(), data.size());
        if (n >= 0) return static_cast<std::size_t>(n);
        if (errno == EAGAIN) return std::nullopt;
        if (errno != EINTR) return fail_errno("write to descriptor " + std::to_string(fd));
    }
}

Result<> set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return fail_errno("make descriptor " + std::to_string(fd) + " non-blocking");
    return {};
}

Result<> set_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0)
        return fail_errno("make descriptor " + std::to_string(fd) + " blocking");
    return {};
}

}  // namespace crank::sys
