// Many descriptors at once (epoll(7)).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::sys {

struct ReadyEvent {
    void* owner = nullptr;
    bool readable = false, writable = false;
    bool ended = false;   // the other side sends no more
    bool failed = false;  // neither direction is of use any more
};

class Epoll {
public:
    static Result<Epoll> open();

    // Told once per change, of everything: the owner reads and writes until it would block.
    Result<> add_edges(int fd, void* owner);
    // Told as long as there is something to read.
    Result<> add_level(int fd, void* owner);
    // Needed where others hold copies of the descriptor: closing ours is then not enough.
    void remove(int fd);
    // Without a deadline it waits for ever. Valid until the next call; empty where a signal came.
    Result<std::span<const ReadyEvent>> wait(std::optional<std::chrono::milliseconds> deadline);

private:
    explicit Epoll(UniqueFd fd) : fd_(std::move(fd)) {}
    Result<> add(int fd, void* owner, std::uint32_t events);
    UniqueFd fd_;
    std::vector<ReadyEvent> ready_;
};

}  // namespace crank::sys
