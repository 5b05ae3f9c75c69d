#include "shim/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "shim/live.h"

namespace crank::shim {
namespace {

constexpr int kOpenFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;

size_t timestamp(char* out, size_t capacity) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm parts{};
    gmtime_r(&now.tv_sec, &parts);
    int n = snprintf(out, capacity, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ ", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     now.tv_nsec);
    return n > 0 ? static_cast<size_t>(n) : 0;
}

}  // namespace

int Log::open(const char* path, uint64_t max_bytes, uint32_t max_files) {
    path_ = path;
    max_bytes_ = max_bytes;
    max_files_ = max_files == 0 ? 1 : max_files;
    if (path == nullptr) return 0;
    fd_ = ::open(path, kOpenFlags, 0600);
    if (fd_ < 0) return errno;
    struct stat info{};
    if (fstat(fd_, &info) == 0) size_ = static_cast<uint64_t>(info.st_size);
    return 0;
}

void Log::rotate() {
    char from[4096 + 16], to[4096 + 16];
    for (uint32_t i = max_files_ - 1; i > 0; --i) {
        snprintf(to, sizeof to, "%s.%u", path_, i);
        if (i == 1)
            snprintf(from, sizeof from, "%s", path_);
        else
            snprintf(from, sizeof from, "%s.%u", path_, i - 1);
        rename(from, to);
    }
    if (max_files_ == 1) unlink(path_);
    ::close(fd_);
    fd_ = ::open(path_, kOpenFlags, 0600);
    size_ = 0;
}

void Log::line(int stream, const char* data, size_t size, bool full) {
    if (fd_ < 0) return;
    if (size_ > 0 && size_ + size + 48 > max_bytes_) rotate();
    char head[64];
    size_t n = timestamp(head, sizeof head);
    const char* tag =
        stream == 1 ? (full ? "stdout F " : "stdout P ") : (full ? "stderr F " : "stderr P ");
    memcpy(head + n, tag, 9);
    n += 9;
    char newline = '\n';
    iovec parts[3] = {{head, n}, {const_cast<char*>(data), size}, {&newline, 1}};
    // A full disk loses log lines; it must never stop or kill the worker.
    ssize_t written = writev(fd_, parts, 3);
    if (written > 0) size_ += static_cast<uint64_t>(written);
}

void Log::write(int stream, const char* data, size_t size) {
    if (path_ == nullptr) return;
    Partial& partial = partial_[stream - 1];
    while (size > 0) {
        auto* end = static_cast<const char*>(memchr(data, '\n', size));
        size_t length = end != nullptr ? static_cast<size_t>(end - data) : size;
        if (end != nullptr && partial.size == 0 && length <= kMaxLine) {
            line(stream, data, length, true);
        } else {
            size_t room = kMaxLine - partial.size;
            size_t part = length < room ? length : room;
            memcpy(partial.data + partial.size, data, part);
            partial.size += part;
            if (part < length) {  // the buffer is full and the line goes on
                line(stream, partial.data, partial.size, false);
                partial.size = 0;
                data += part;
                size -= part;
                continue;
            }
            if (end != nullptr) {
                line(stream, partial.data, partial.size, true);
                partial.size = 0;
            }
        }
        size_t used = length + (end != nullptr ? 1 : 0);
        data += used;
        size -= used;
    }
    bool live =
        orders_ != nullptr && (__atomic_load_n(orders_, __ATOMIC_ACQUIRE) & kOrderLive) != 0;
    if (live) flush();
}

void Log::flush() {
    for (int stream = 1; stream <= 2; ++stream) {
        Partial& partial = partial_[stream - 1];
        if (partial.size > 0) line(stream, partial.data, partial.size, false);
        partial.size = 0;
    }
}

}  // namespace crank::shim
