// The worker's output on its way to the log and to the caller.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "shim/log.h"
#include "shim/loop.h"

namespace crank::shim {

// One stream. Reading stops while the caller does not take what was read: the worker then waits as
// it would on a terminal. A caller that is gone is forgotten; the log goes on.
class Stream {
public:
    // source: the read end (non-blocking); number: 1 or 2; sink: a descriptor of the caller's or
    // -1.
    int open(Loop& loop, Log& log, int source, int number, int sink);
    bool source_open() const { return source_.fd >= 0; }
    bool waits_for_caller() const { return pending_begin_ < pending_size_; }
    void forget_caller();
    void close();

private:
    static void on_readable(Watcher* self, uint32_t events);
    static void on_writable(Watcher* self, uint32_t events);
    void read_some();
    void forward();
    void pause(bool paused);

    struct Source : Watcher {
        Stream* stream;
    } source_;
    struct Sink : Watcher {
        Stream* stream;
    } sink_;
    Loop* loop_ = nullptr;
    Log* log_ = nullptr;
    int number_ = 1;
    bool sink_watched_ = false;
    size_t pending_begin_ = 0, pending_size_ = 0;
    char buffer_[16384];
};

}  // namespace crank::shim
