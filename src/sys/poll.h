// Waiting for descriptors, and reading and writing without blocking.
#pragma once

#include <chrono>
#include <optional>
#include <span>

#include "base/error.h"

namespace crank::sys {

struct PollEntry {
    int fd = -1;  // negative: left out
    bool want_read = false, want_write = false;
    // Answers. `readable` is also set at the end of the stream, `hung_up` when the other side is
    // gone or the descriptor is in error.
    bool readable = false, writable = false, hung_up = false;
};
// false: the deadline ran out. Without one it waits for ever.
Result<bool> poll(std::span<PollEntry> entries, std::optional<std::chrono::milliseconds> deadline);

// nothing: it would block; 0: the end of the stream.
Result<std::optional<std::size_t>> read_some(int fd, std::span<char> buffer);
// nothing: it would block.
Result<std::optional<std::size_t>> write_some(int fd, std::span<const char> data);
Result<> set_nonblocking(int fd);
Result<> set_blocking(int fd);

}  // namespace crank::sys
