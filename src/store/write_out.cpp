#include "store/write_out.h"

#include <system_error>
#include <utility>

#include "sys/stream.h"

namespace crank::store {

namespace {

// Measured on ext4 with 30,000 small files: 16 % of the whole; less waits for the journal more
// often, more leaves the disk idle for longer.
constexpr std::size_t kEnough = std::size_t{48} << 20;

}  // namespace

void WriteOut::wrote(std::size_t bytes, const std::shared_ptr<const sys::UniqueFd>& directory) {
    std::lock_guard lock(mutex_);
    waiting_ += bytes;
    if (waiting_ < kEnough || running_) return;
    try {
        // The one before has ended, or is about to: it holds no lock any more.
        thread_ = std::jthread([this, directory] { write(directory->get()); });
        running_ = true;
        waiting_ = 0;
    } catch (const std::system_error&) {
        // No more processes for this user: the sync at the end does it all.
    }
}

void WriteOut::write(int fd) {
    auto synced = sys::sync_file_system(fd, "the layer");
    std::lock_guard lock(mutex_);
    if (!synced && !error_) error_ = std::move(synced).error();
    running_ = false;
}

Result<> WriteOut::finish() {
    if (thread_.joinable()) thread_.join();
    std::lock_guard lock(mutex_);
    if (error_) return fail(*std::exchange(error_, std::nullopt));
    return {};
}

}  // namespace crank::store
