// The loop of the process: what is ready, what is due, and the end of what is over.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <memory>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "gateway/buffer.h"
#include "sys/epoll.h"
#include "sys/tcp_stream.h"
#include "sys/unique_fd.h"

namespace crank::gateway {

using Milliseconds = std::chrono::milliseconds;
class Socket;

// Whoever is told. It lives until the loop is between two rounds (Loop::retire).
class Watcher {
public:
    virtual ~Watcher() = default;
    virtual void on_ready(Socket& socket) = 0;
    virtual void on_due() {}
    // Was put off, to let others have their turn (Loop::again).
    virtual void on_turn() {}
};

// A descriptor in the loop. `readable` and `writable` hold until an attempt shows otherwise.
class Socket {
public:
    explicit Socket(sys::UniqueFd fd) : fd_(std::move(fd)) {}

    int fd() const { return fd_.get(); }
    bool is_open() const { return static_cast<bool>(fd_); }
    // As sys::receive and sys::send_both; they are not asked where the answer is known.
    sys::Flow receive(Buffer& into);
    sys::Moved send(std::string_view first, std::string_view second = {});

    Watcher* owner = nullptr;
    bool readable = false, writable = false;
    bool ended = false, failed = false;  // as sys::ReadyEvent

private:
    friend class Loop;
    sys::UniqueFd fd_;
    bool shared_ = false;  // others may hold copies: closing ours ends no events
};

class Timers;
// One time at which its owner is told; setting it later again costs nothing.
class Timer {
public:
    Timer(Timers& timers, Watcher& owner) : timers_(timers), owner_(owner) {}
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer();

    void set(Milliseconds from_now);
    void cancel() { due_ = 0; }
    bool is_set() const { return due_ != 0; }

private:
    friend class Timers;
    Timers& timers_;
    Watcher& owner_;
    std::int64_t due_ = 0;     // 0: off
    std::int64_t queued_ = 0;  // where it stands in the queue; 0: nowhere
};

class Timers {
public:
    Timers();
    std::int64_t now() const { return now_; }  // milliseconds, of this round
    void update();
    // Of tests: from now on it is so much later.
    void skip(Milliseconds time) { skipped_ += time.count(); }
    std::optional<Milliseconds> until_next() const;
    void run_due();

private:
    friend class Timer;
    void queue(Timer& timer, std::int64_t at);
    void remove(Timer& timer);
    std::set<std::pair<std::int64_t, Timer*>> queue_;
    std::int64_t now_ = 0, skipped_ = 0;
};

enum class Trigger : std::uint8_t { edges, level };

class Loop {
public:
    static Result<std::unique_ptr<Loop>> create();

    Timers& timers() { return timers_; }
    BufferPool& buffers() { return buffers_; }
    Result<std::unique_ptr<Socket>> watch(sys::UniqueFd fd, Watcher* owner, Trigger trigger);
    // At once; its owner hears no more of it.
    void close(std::unique_ptr<Socket> socket);
    // A level-triggered one is left alone, and looked at again.
    void pause(Socket& socket) { epoll_.remove(socket.fd()); }
    Result<> resume(Socket& socket) { return epoll_.add_level(socket.fd(), &socket); }
    // How many descriptors this process may have open.
    void set_most_files(std::size_t count) { most_files_ = count; }
    // Whether clients may have another one: the last ones are for those who control this process.
    bool has_room() const { return open_ + kSpare < most_files_; }
    void again(Watcher& watcher) { turns_.push_back(&watcher); }
    // It has closed its sockets and stopped its timers.
    void retire(std::unique_ptr<Watcher> watcher);
    // Deletes what is over. Not from inside a round.
    void clear();
    bool is_clear() const { return retired_.empty() && closed_.empty(); }

    enum class Wait : std::uint8_t { for_something, not_at_all };
    Result<> run_round(Wait wait = Wait::for_something);

private:
    // 16, and what is open beside the loop's sockets: the log, the loop itself, its signals.
    static constexpr std::size_t kSpare = 16 + 8;
    explicit Loop(sys::Epoll epoll) : epoll_(std::move(epoll)) {}
    sys::Epoll epoll_;
    BufferPool buffers_;
    Timers timers_;
    std::size_t open_ = 0, most_files_ = std::numeric_limits<std::size_t>::max();
    std::vector<Watcher*> turns_;
    std::vector<std::unique_ptr<Socket>> closed_;
    std::vector<std::unique_ptr<Watcher>> retired_;
};

}  // namespace crank::gateway
