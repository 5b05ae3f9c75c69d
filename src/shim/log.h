// The worker's log: lines of the Kubernetes CRI format, bounded by rotation.
//
//   2026-01-02T03:04:05.000000006Z stdout F text     (P: the line goes on in the next entry)
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace crank::shim {

class Log {
public:
    // path: absolute, or nullptr for no log. Lines longer than kMaxLine are split with P.
    int open(const char* path, uint64_t max_bytes, uint32_t max_files);
    // stream: 1 stdout, 2 stderr. A trailing part without a newline is kept until the rest comes.
    void write(int stream, const char* data, size_t size);
    void flush();  // what is left without a newline, at the end
    // A word of orders (live.h) that is looked at with each write.
    void obey(const uint32_t* orders) { orders_ = orders; }

    static constexpr size_t kMaxLine = 4096;

private:
    struct Partial {
        char data[kMaxLine];
        size_t size = 0;
    };
    void line(int stream, const char* data, size_t size, bool full);
    void rotate();

    int fd_ = -1;
    const char* path_ = nullptr;
    uint64_t size_ = 0, max_bytes_ = 0;
    uint32_t max_files_ = 1;
    Partial partial_[2];
    const uint32_t* orders_ = nullptr;
};

}  // namespace crank::shim
