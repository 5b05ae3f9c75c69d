#include "shim/loop.h"

#include <errno.h>
#include <time.h>

namespace crank::shim {

int Loop::open() {
    constexpr int kMostTries = 100;
    for (int i = 0; i < kMostTries; ++i) {
        if ((fd_ = epoll_create1(EPOLL_CLOEXEC)) >= 0) return 0;
        // Memory and descriptors are in want for a moment, mostly.
        int error = errno;
        timespec pause{0, 10 * 1000 * 1000};
        nanosleep(&pause, nullptr);
        errno = error;
    }
    return errno;
}

int Loop::add(Watcher* watcher, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = watcher;
    return epoll_ctl(fd_, EPOLL_CTL_ADD, watcher->fd, &event) != 0 ? errno : 0;
}

void Loop::change(Watcher* watcher, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = watcher;
    epoll_ctl(fd_, EPOLL_CTL_MOD, watcher->fd, &event);
}

void Loop::remove(Watcher* watcher) { epoll_ctl(fd_, EPOLL_CTL_DEL, watcher->fd, nullptr); }

void Loop::run_once(int timeout_ms) {
    epoll_event events[64];
    int count = epoll_wait(fd_, events, 64, timeout_ms);
    for (int i = 0; i < count; ++i) {
        auto* watcher = static_cast<Watcher*>(events[i].data.ptr);
        // A handler earlier in this round may have closed it.
        if (watcher->fd >= 0) watcher->handle(watcher, events[i].events);
    }
}

}  // namespace crank::shim
