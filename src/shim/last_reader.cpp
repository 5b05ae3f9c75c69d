#include "shim/last_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "shim/kernel.h"

namespace crank::shim {
namespace {

constexpr int kSetPipeSize = 1031, kGetPipeSize = 1032;  // fcntl(2)
constexpr int kPipeSize = 1 << 20;                       // 0.1 s of 10 MB/s
constexpr int kShortPause = 20, kLongPause = 160;        // milliseconds
constexpr int kAboveAll = 16;

}  // namespace

void LastReader::hold(const ChildIo& io, Shared* shared) {
    shared_ = shared;
    const int from[] = {io.out_read, io.err_read, io.terminal_master, io.life_read};
    constexpr int kTo[] = {kInitOut, kInitErr, kInitTerminal, kInitLife};
    int* const held[] = {&out_, &err_, &terminal_, &life_};
    int copies[4];
    // First out of the way of one another. The worker exists already: nothing is inherited.
    for (int i = 0; i < 4; ++i) copies[i] = from[i] >= 0 ? fcntl(from[i], F_DUPFD, kAboveAll) : -1;
    for (int i = 0; i < 4; ++i) {
        close(kTo[i]);
        if (copies[i] >= 0) *held[i] = dup2(copies[i], kTo[i]);
    }
    close_range(kInitLife + 1, ~0u, 0);
    if (life_ < 0) return;
    fcntl(life_, F_SETOWN, getpid());
    fcntl(life_, F_SETFL, O_ASYNC);
    __atomic_store_n(&shared_->init_holds_streams, 1, __ATOMIC_RELEASE);
    look();  // they may be gone by now
}

void LastReader::look() {
    if (life_ < 0) return;
    pollfd line{life_, 0, 0};
    bool alone = poll(&line, 1, 0) > 0 && (line.revents & POLLHUP) != 0;
    if (alone && !alone_) {
        if (out_ >= 0) fcntl(out_, kSetPipeSize, kPipeSize);
        if (err_ >= 0) fcntl(err_, kSetPipeSize, kPipeSize);
        pause_ms_ = kShortPause;
    }
    alone_ = alone;
    if (!alone_) return;
    bool taken = take_of_pipe(out_);
    taken = take_of_pipe(err_) || taken;
    // A terminal has no room to speak of.
    taken = take_surplus(terminal_, 0, 0) || taken;
    if (taken)
        pause_ms_ = kShortPause;
    else if (pause_ms_ < kLongPause)
        pause_ms_ *= 2;
}

// Its pages are half empty at worst: a quarter of it in bytes may be half of it in pages.
bool LastReader::take_of_pipe(int fd) {
    int size = fd >= 0 ? fcntl(fd, kGetPipeSize) : -1;
    return size > 0 && take_surplus(fd, size / 8, size / 4);
}

// Where there are more bytes than `most`: all but `keep`.
bool LastReader::take_surplus(int fd, int keep, int most) {
    static char buffer[16384];
    int waiting = 0;
    if (fd < 0 || ioctl(fd, FIONREAD, &waiting) != 0 || waiting <= most) return false;
    while (waiting > keep) {
        auto surplus = static_cast<size_t>(waiting - keep);
        ssize_t n = read(fd, buffer, surplus < sizeof buffer ? surplus : sizeof buffer);
        if (n <= 0) break;
        waiting -= static_cast<int>(n);
        shared_->lost_bytes += static_cast<uint64_t>(n);
    }
    return true;
}

}  // namespace crank::shim
