// The disk is kept busy while a layer is still being unpacked: what has been written goes out in
// the background, so that the sync at the end finds little left. Internal to store.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.h"
#include "sys/unique_fd.h"

namespace crank::store {

// May be used by several threads.
class WriteOut {
public:
    // `bytes` were written to the file system that holds `directory`.
    void wrote(std::size_t bytes, const std::shared_ptr<const sys::UniqueFd>& directory);
    // Waits for what was begun. The kernel tells a failed write once, to the first who syncs:
    // whoever syncs later must not be the only one to ask. Errors: the file system's.
    Result<> finish();

private:
    void write(int fd);

    std::mutex mutex_;  // guards what follows
    std::size_t waiting_ = 0;
    bool running_ = false;
    std::optional<Error> error_;
    std::jthread thread_;
};

}  // namespace crank::store
