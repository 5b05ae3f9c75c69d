// FileCrew: batches of files, made by threads and by whoever adds them.
#include <algorithm>
#include <system_error>
#include <utility>

#include "store/file_maker.h"

namespace crank::store {

namespace {

constexpr std::size_t kBatchFiles = 64;
constexpr std::size_t kBatchBytes = std::size_t{512} << 10;
constexpr std::size_t kQueuedBytes = std::size_t{8} << 20;
constexpr std::size_t kQueuedBatches = 64;
// More of them wait for the same journal.
constexpr unsigned kMaxThreads = 3;

// The caller works, too.
unsigned thread_count() {
    unsigned processors = std::max(1u, std::thread::hardware_concurrency());
    return std::min(processors - 1, kMaxThreads);
}

// What a job holds: a header can weigh far more than its file.
std::size_t bytes_of(const FileCrew::Job& job) {
    constexpr std::size_t kEach = 64;
    std::size_t bytes = kEach + job.content.size() + 2 * job.path.size() + job.entry.link.size();
    for (const auto& [key, value] : job.entry.xattrs) bytes += kEach + key.size() + value.size();
    return bytes;
}

std::size_t bytes_in(const std::vector<FileCrew::Job>& batch) {
    std::size_t bytes = 0;
    for (const FileCrew::Job& job : batch) bytes += bytes_of(job);
    return bytes;
}

}  // namespace

FileCrew::FileCrew(FileMaker& maker) : maker_(maker) {}

FileCrew::~FileCrew() {
    {
        std::lock_guard lock(mutex_);
        ending_ = true;
        queue_.clear();
    }
    arrived_.notify_all();
}

void FileCrew::add(Job job) {
    if (!batch_.empty() && batch_.back().directory != job.directory) hand_over();
    batch_bytes_ += bytes_of(job);
    batch_.push_back(std::move(job));
    if (batch_.size() >= kBatchFiles || batch_bytes_ >= kBatchBytes) hand_over();
}

void FileCrew::hand_over() {
    Batch batch = std::exchange(batch_, {});
    std::size_t bytes = std::exchange(batch_bytes_, 0);
    // Most layers have a few files: no thread is started for those.
    bool first = !std::exchange(several_, true);
    if (first || thread_count() == 0) return make(batch);
    if (threads_.empty()) start_threads();
    std::unique_lock lock(mutex_);
    queue_.push_back(std::move(batch));
    queued_bytes_ += bytes;
    arrived_.notify_one();
    while (queued_bytes_ > kQueuedBytes || queue_.size() > kQueuedBatches)
        if (!take_one(lock)) break;
}

void FileCrew::drain() {
    if (!batch_.empty()) hand_over();
    std::unique_lock lock(mutex_);
    while (take_one(lock)) {}
    done_.wait(lock, [&] { return running_ == 0; });
}

// False: there is nothing to take. The lock is given up meanwhile.
bool FileCrew::take_one(std::unique_lock<std::mutex>& lock) {
    if (queue_.empty()) return false;
    Batch batch = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= bytes_in(batch);
    ++running_;
    lock.unlock();
    make(batch);
    batch.clear();
    lock.lock();
    if (--running_ == 0) done_.notify_all();
    return true;
}

void FileCrew::start_threads() {
    try {
        for (unsigned i = 0; i < thread_count(); ++i) threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
        // No more processes for this user: the caller makes all of them.
    }
}

void FileCrew::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        arrived_.wait(lock, [&] { return ending_ || !queue_.empty(); });
        if (ending_) return;
        take_one(lock);
    }
}

void FileCrew::make(const Batch& batch) {
    for (const Job& job : batch) {
        if (failed_) return;
        make_job(job);
    }
}

void FileCrew::make_job(const Job& job) {
    auto made = maker_.make(job.directory->get(), job.name, job.path, job.entry, job.content);
    if (made && *made) return;
    Error error = made ? Error(Code::internal, "its name is taken") : std::move(made).error();
    fail_with(std::move(error).with_context("entry '" + job.entry.path.substr(0, 300) + "'"));
}

void FileCrew::fail_with(Error error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    failed_ = true;
}

Error FileCrew::take_error() {
    std::lock_guard lock(mutex_);
    return *std::exchange(error_, std::nullopt);
}

}  // namespace crank::store
