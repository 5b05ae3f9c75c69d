#include "sys/epoll.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

namespace crank::sys {

namespace {
constexpr int kEvents = 256;
}

Result<Epoll> Epoll::open() {
    UniqueFd fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!fd) return fail_errno("make an epoll descriptor");
    return Epoll(std::move(fd));
}

Result<> Epoll::add(int fd, void* owner, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = owner;
    if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
        return fail_errno("watch a descriptor");
    return {};
}

Result<> Epoll::add_edges(int fd, void* owner) {
    return add(fd, owner, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}
Result<> Epoll::add_level(int fd, void* owner) { return add(fd, owner, EPOLLIN); }

void Epoll::remove(int fd) { ::epoll_ctl(fd_.get(), EPOLL_CTL_DEL, fd, nullptr); }

Result<std::span<const ReadyEvent>> Epoll::wait(std::optional<std::chrono::milliseconds> deadline) {
    epoll_event events[kEvents];
    int timeout = deadline ? static_cast<int>(std::max<std::int64_t>(deadline->count(), 0)) : -1;
    int count = ::epoll_wait(fd_.get(), events, kEvents, timeout);
    if (count < 0 && errno != EINTR) return fail_errno("wait for descriptors");
    ready_.clear();
    for (int i = 0; i < count; ++i) {
        const std::uint32_t what = events[i].events;
        bool failed = (what & (EPOLLERR | EPOLLHUP)) != 0;
        ready_.push_back({events[i].data.ptr, (what & (EPOLLIN | EPOLLRDHUP)) != 0 || failed,
                          (what & EPOLLOUT) != 0 || failed, (what & EPOLLRDHUP) != 0 || failed,
                          failed});
    }
    return std::span<const ReadyEvent>(ready_);
}

}  // namespace crank::sys
