// Two streams of output that are read as they come.
#pragma once

#include <chrono>

#include "base/error.h"
#include "build/container.h"
#include "sys/file.h"
#include "sys/poll.h"
#include "sys/unique_fd.h"

namespace crank::build {

// The reading ends of pipes, non-blocking; one that has ended is closed.
struct Streams {
    sys::UniqueFd out, error;

    bool open() const { return out || error; }
    // After a poll that watched both.
    Result<> read(const sys::PollEntry& out_entry, const sys::PollEntry& error_entry,
                  const OutputSink& output);
    // To the end, or until nothing came for `patience`.
    Result<> drain(std::chrono::milliseconds patience, const OutputSink& output);
};

inline sys::PollEntry reading(int fd) { return {.fd = fd, .want_read = true}; }

// A pipe whose reading end does not block.
Result<sys::Pipe> make_stream();

}  // namespace crank::build
