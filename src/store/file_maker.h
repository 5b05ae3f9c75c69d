// The regular files of a tree that is being unpacked: written, or linked to other layers'; one by
// one (FileMaker), or by several threads (FileCrew), because making a small file is mostly waiting
// for the file system. Internal to store.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/byte_source.h"
#include "store/shared_files.h"
#include "store/tar_format.h"
#include "sys/unique_fd.h"

namespace crank::store {

// Where a file is looked up and remembered, or neither: then nothing is shared. Both live as long
// as the maker.
struct Sharing {
    SharedFiles* files = nullptr;
    NewLayer* layer = nullptr;
};

// May be used by several threads, each for names of its own.
class FileMaker {
public:
    explicit FileMaker(Sharing sharing);

    // Makes dirfd/name with all its content. False: the name is taken. Errors: permission_denied
    // (an owner that this user may not give), the file system's.
    Result<bool> make(int dirfd, const std::string& name, const std::string& path,
                      const TarEntry& entry, Bytes content);

    // The same in steps, for content that comes in pieces. Nothing: the name is taken.
    Result<std::optional<sys::UniqueFd>> create(int dirfd, const std::string& name,
                                                const TarEntry& entry);
    Result<> finish(int fd, const TarEntry& entry);  // owner, mode, attributes, time
    bool shares(const std::string& path, const TarEntry& entry) const;
    // A finished file; where another layer has it, it is replaced.
    Result<> share(FileHash hash, int dirfd, const std::string& name, const std::string& path,
                   const TarEntry& entry);

private:
    Sharing sharing_;
    mode_t umask_ = 0777;
    uid_t own_uid_ = 0;
    std::atomic<std::int64_t> new_files_group_ = -1;  // learnt from the first file
};

// permission_denied, with what to do about an owner that this user may not give.
Error blame_ids(Error error);

// Hands files to threads, in batches of one directory: two that make files in the same directory
// wait for each other. Few files are made at once, by the caller. The order is nobody's: the caller
// must not add a name twice, and must drain() before it looks at what is there.
class FileCrew {
public:
    explicit FileCrew(FileMaker& maker);
    ~FileCrew();  // what was not begun is never made
    FileCrew(const FileCrew&) = delete;
    FileCrew& operator=(const FileCrew&) = delete;

    using Directory = std::shared_ptr<const sys::UniqueFd>;
    struct Job {
        Directory directory;
        std::string name, path;  // path: from the tree's root
        TarEntry entry;
        std::vector<std::uint8_t> content;
    };
    void add(Job job);
    // Returns once every file is made, or one has failed.
    void drain();
    // The first failure, which keeps the rest from being made. It names the entry.
    bool failed() const { return failed_; }
    Error take_error();

private:
    using Batch = std::vector<Job>;
    void hand_over();
    void make(const Batch& batch);
    void make_job(const Job& job);
    void fail_with(Error error);
    void start_threads();
    void work();
    bool take_one(std::unique_lock<std::mutex>& lock);

    FileMaker& maker_;
    Batch batch_;
    std::size_t batch_bytes_ = 0;
    bool several_ = false;  // more than one batch came

    std::mutex mutex_;  // guards what follows
    std::condition_variable arrived_, done_;
    std::deque<Batch> queue_;
    std::size_t queued_bytes_ = 0;
    int running_ = 0;
    bool ending_ = false;
    std::optional<Error> error_;
    std::atomic<bool> failed_ = false;
    std::vector<std::jthread> threads_;
};

}  // namespace crank::store
