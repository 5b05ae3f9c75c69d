// The monitor's event loop: epoll, one thread, level-triggered.
#pragma once

#include <stdint.h>
#include <sys/epoll.h>

namespace crank::shim {

// Something that waits on a descriptor. `handle` is called with the epoll events.
struct Watcher {
    void (*handle)(Watcher* self, uint32_t events) = nullptr;
    int fd = -1;
};

class Loop {
public:
    int open();  // 0 or errno
    int add(Watcher* watcher, uint32_t events);
    void change(Watcher* watcher, uint32_t events);
    void remove(Watcher* watcher);
    // Waits for events (timeout in milliseconds, -1 for ever) and calls their handlers.
    // A watcher may remove itself; to free its memory it must wait for the end of the round.
    void run_once(int timeout_ms);

private:
    int fd_ = -1;
};

}  // namespace crank::shim
