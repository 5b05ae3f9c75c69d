#include "shim/streams.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

namespace crank::shim {
namespace {

// A write of at most PIPE_BUF bytes after POLLOUT never blocks on a pipe; the caller's descriptor
// cannot be made non-blocking, because its file description is shared with the caller.
constexpr size_t kChunk = 4096;

bool writable_now(int fd) {
    pollfd waiter{fd, POLLOUT, 0};
    return poll(&waiter, 1, 0) == 1;
}

}  // namespace

int Stream::open(Loop& loop, Log& log, int source, int number, int sink) {
    loop_ = &loop;
    log_ = &log;
    number_ = number;
    source_.stream = this;
    source_.handle = on_readable;
    source_.fd = source;
    sink_.stream = this;
    sink_.handle = on_writable;
    sink_.fd = sink;
    return loop.add(&source_, EPOLLIN);
}

void Stream::on_readable(Watcher* self, uint32_t) {
    static_cast<Source*>(self)->stream->read_some();
}

void Stream::on_writable(Watcher* self, uint32_t) { static_cast<Sink*>(self)->stream->forward(); }

void Stream::read_some() {
    if (waits_for_caller()) return;
    ssize_t n = read(source_.fd, buffer_, sizeof buffer_);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {  // the end; EIO on a terminal whose last user is gone
        loop_->remove(&source_);
        ::close(source_.fd);
        source_.fd = -1;
        return;
    }
    log_->write(number_, buffer_, static_cast<size_t>(n));
    pending_begin_ = 0;
    pending_size_ = static_cast<size_t>(n);
    forward();
}

void Stream::forward() {
    while (sink_.fd >= 0 && waits_for_caller()) {
        if (!writable_now(sink_.fd)) {
            pause(true);
            return;
        }
        size_t left = pending_size_ - pending_begin_;
        ssize_t n = ::write(sink_.fd, buffer_ + pending_begin_, left < kChunk ? left : kChunk);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) {
            forget_caller();
            return;
        }
        pending_begin_ += static_cast<size_t>(n);
    }
    pending_begin_ = pending_size_ = 0;
    pause(false);
}

void Stream::pause(bool paused) {
    if (paused == sink_watched_) return;
    if (paused) {
        if (loop_->add(&sink_, EPOLLOUT) != 0) {  // a plain file is always writable
            forget_caller();
            return;
        }
    } else {
        loop_->remove(&sink_);
    }
    sink_watched_ = paused;
    if (source_.fd >= 0) loop_->change(&source_, paused ? 0 : static_cast<uint32_t>(EPOLLIN));
}

void Stream::forget_caller() {
    if (sink_.fd < 0) return;
    pending_begin_ = pending_size_ = 0;
    pause(false);
    ::close(sink_.fd);
    sink_.fd = -1;
}

void Stream::close() {
    if (source_.fd >= 0) {
        loop_->remove(&source_);
        ::close(source_.fd);
        source_.fd = -1;
    }
}

}  // namespace crank::shim
